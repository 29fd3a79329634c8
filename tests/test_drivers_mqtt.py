"""Payloads of MQTT devices into samples. Payload shapes are those of Zigbee2MQTT, Tasmota and ESPHome's documents."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from config.mqtt_devices import MqttPoint
from detectors import detectors_for
from detectors.findings import Event
from drivers.mqtt_messages import Message, samples_of
from drivers.samples import Reading


def point(**keys: Any) -> MqttPoint:
    return MqttPoint.model_validate({"id": "p", "name": "点", **keys})


def said(here: MqttPoint, topic: str, payload: str, *, retained: bool = False) -> list[object]:
    samples = samples_of([here], Message(topic, payload.encode(), retained), 1.0, 2.0)
    return [s.value if isinstance(s, Reading) else s.reason for s in samples]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        ("door", '{"contact": false, "battery": 91}', [True]),
        ("door", '{"contact": true}', [False]),
        ("smoke", '{"smoke": true, "battery_low": false}', [True]),
        ("leak", '{"water_leak": false}', [False]),
        ("motion", '{"occupancy": true}', [True]),
        ("temperature", '{"temperature": 21.37}', [21.37]),
        ("temperature", '{"temperature": "warm"}', ["not-a-number"]),
        ("smoke", '{"linkquality": 80}', []),
        ("smoke", '["smoke"]', []),
        ("smoke", "\x00\xff", []),
    ],
    ids=[
        "an open door", "a closed door", "smoke", "dry", "motion", "a number", "a word for a number",
        "a message without the key", "a list", "bytes that are no text",
    ],
)  # fmt: skip
def test_a_zigbee_device_needs_only_its_name(kind: str, payload: str, expected: list[object]) -> None:
    assert said(point(kind=kind, zigbee="east"), "zigbee2mqtt/east", payload) == expected


@pytest.mark.parametrize(
    ("keys", "topic", "payload", "expected"),
    [
        ({"topic": "tele/lab/SENSOR", "key": "DS18B20.Temperature"}, "tele/lab/SENSOR",
         '{"Time": "2026-01-02T12:00:00", "DS18B20": {"Id": "01", "Temperature": 20.6}}', [20.6]),
        ({"topic": "lab/sensor/air/state"}, "lab/sensor/air/state", "23.4", [23.4]),
        ({"topic": "lab/door/state", "kind": "door"}, "lab/door/state", "ON", [True]),
        ({"topic": "lab/door/state", "kind": "door", "inverted": True}, "lab/door/state", "ON", [False]),
        ({"topic": "a", "key": "list.1.v"}, "a", '{"list": [{"v": 1}, {"v": 2}]}', [2.0]),
        ({"topic": "a", "key": "list.7"}, "a", '{"list": []}', []),
        ({"topic": "a", "availability": "tele/lab/LWT"}, "tele/lab/LWT", "Offline", ["offline"]),
        ({"topic": "a", "availability": "tele/lab/LWT"}, "tele/lab/LWT", "Online", []),
        ({"topic": "a", "availability": "z/a"}, "z/a", '{"state": "offline"}', ["offline"]),
        ({"topic": "a"}, "b", "23", []),
        ({"topic": "a", "key": "v"}, "a", "[" * 100_000, []),
        ({"topic": "a"}, "a", "NaN", ["not-a-number"]),
    ],
    ids=[
        "Tasmota", "ESPHome number", "ESPHome switch", "an inverted switch", "a path into a list", "a path to nowhere",
        "Tasmota's last will", "Tasmota online", "Zigbee2MQTT offline", "another topic", "a bomb of brackets", "NaN",
    ],
)  # fmt: skip
def test_any_topic_can_be_mapped(keys: dict[str, Any], topic: str, payload: str, expected: list[object]) -> None:
    assert said(point(**{"kind": "temperature", **keys}), topic, payload) == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("smoke", [True]), ("emergency", []), ("motion", [])],
    ids=["a state is told", "a button pressed once is not pressed again", "an old motion is none"],
)
def test_a_retained_message_is_state_and_no_event(kind: str, expected: list[object]) -> None:
    here = point(kind=kind, topic="a", key="v")
    assert said(here, "a", '{"v": true}', retained=True) == expected
    assert said(here, "a", '{"v": true}') == [True]


def test_a_radio_device_that_checks_in_hourly_is_auxiliary_and_missed_after_two_and_a_half_hours() -> None:
    hourly = point(kind="leak", zigbee="east", interval_s=3600)
    assert (hourly.auxiliary, hourly.silence_s) == (True, 9000)
    assert point(kind="leak", zigbee="east", interval_s=60).auxiliary is False


def test_a_kind_without_a_usual_key_must_name_one() -> None:
    with pytest.raises(ValidationError, match="no usual Zigbee2MQTT key"):
        point(kind="emergency", zigbee="button")
    with pytest.raises(ValidationError, match="is a filter"):
        point(kind="leak", topic="a/#")


@given(st.binary(max_size=200))
def test_no_payload_breaks_the_mapping(payload: bytes) -> None:
    samples_of([point(kind="door", zigbee="a")], Message("zigbee2mqtt/a", payload), 1.0, 2.0)


def test_a_zigbee_device_without_a_word_on_its_interval_checks_in_hourly() -> None:
    here = point(kind="smoke", zigbee="east")
    assert (here.auxiliary, here.silence_s) == (True, 9000)


@pytest.mark.parametrize(("kind", "key"), [("co", "carbon_monoxide"), ("gas", "gas"), ("smoke", "smoke")])
def test_a_detector_that_says_only_yes_raises_its_alarm_and_no_fault(kind: str, key: str) -> None:
    here = point(kind=kind, zigbee="east")
    (watched,) = detectors_for(here)
    told: list[tuple[str, bool]] = []
    for second, state in enumerate(["false"] * 10 + ["true", "false"]):
        message = Message("zigbee2mqtt/east", f'{{"{key}": {state}}}'.encode())
        for sample in samples_of([here], message, 100.0 + second, 1e9):
            told += [(event.kind, event.active) for event in watched.update(sample) if isinstance(event, Event)]
    assert [entry for entry in told if entry[1]] == [(kind, True)]
