"""Battery sensors at the pond behind a Zigbee bridge: they publish JSON to the broker as Zigbee2MQTT does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from server.demo.campus import Campus

MOTION, RING_BOX = "zigbee2mqtt/pond-motion", "zigbee2mqtt/pond-ring-box"


def messages(campus: Campus) -> dict[str, str]:
    """Return what each device says now. Zigbee2MQTT's `contact` is true while closed."""
    return {
        MOTION: json.dumps({"occupancy": campus.person, "battery": 97, "linkquality": 120}),
        RING_BOX: json.dumps({"contact": not campus.ring_box_open, "battery": 94, "linkquality": 98}),
    }


class MqttDevices:
    """Publishes at every change, and every few seconds as a sign of life."""

    def __init__(self, campus: Campus, port: int, user: str, password_file: Path) -> None:
        self._campus = campus
        self._port = port
        self._client: Any = Client(CallbackAPIVersion.VERSION2, client_id="demo-zigbee")
        self._client.username_pw_set(user, password_file.read_text(encoding="utf-8").strip())
        self._said: dict[str, str] = {}
        self._spoke_s = -10.0

    def start(self) -> None:
        """Connect in paho's own thread; it keeps trying."""
        self._client.reconnect_delay_set(1, 5)
        self._client.connect_async("127.0.0.1", self._port, keepalive=10)
        self._client.loop_start()

    def speak(self) -> None:
        """Publish what changed, or everything when it is time for a sign of life."""
        due = self._campus.at_s - self._spoke_s >= 4
        for topic, text in messages(self._campus).items():
            if due or self._said.get(topic) != text:
                self._client.publish(topic, text)
                self._said[topic] = text
        if due:
            self._spoke_s = self._campus.at_s

    def close(self) -> None:
        """Hang up."""
        self._client.disconnect()
        self._client.loop_stop()
