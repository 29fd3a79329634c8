"""A busy agent: many readings a second all leave, none waits for a slow rhythm."""

from __future__ import annotations

import json
from pathlib import Path

import paho.mqtt.client as paho
from agent_process import AgentProcess, configuration
from brokers import Broker
from paho.mqtt.enums import CallbackAPIVersion
from waiting import until


def test_a_thousand_readings_a_second_leave_without_a_drop(mosquitto: Broker, tmp_path: Path) -> None:
    heard: list[int] = []
    dropped: list[int] = []
    client = paho.Client(CallbackAPIVersion.VERSION2)

    def hear(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        body = json.loads(message.payload)
        heard.append(len(body["readings"]))
        dropped.append(body["dropped"])

    client.on_message = hear
    client.connect(mosquitto.host, mosquitto.port)
    client.subscribe("campus/1/+/+/readings", 1)
    client.loop_start()
    try:
        # 60 points every 0.05 s: 1,200 readings a second, more than two messages of 500 hold
        with AgentProcess(configuration(tmp_path, mosquitto.port, waves=60, period_s=600)):
            until(lambda: sum(heard) > 15_000)
    finally:
        client.disconnect()
        client.loop_stop()
    assert max(dropped) == 0
