"""MQTT payloads of devices into samples. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from config.mqtt_devices import MqttPoint
from contracts.vocabulary import SensorKind
from drivers.samples import Reading, Sample, Silence
from drivers.text_formats import Fields, lookup
from drivers.values import value_of

BARE = "\0"
"""Where a bare value stands: no JSON path can name it."""
MOMENTARY = frozenset({SensorKind.EMERGENCY, SensorKind.MOTION})
"""Kinds whose true is an event: the broker's memory of one is no new one."""


@dataclass(frozen=True, slots=True)
class Message:
    """What came on a topic; `retained` marks the broker's memory."""

    topic: str
    payload: bytes
    retained: bool = False


def samples_of(points: Sequence[MqttPoint], message: Message, at: float, utc: float) -> list[Sample]:
    """Return what a message says of each point that listens to its topic. Never raises."""
    samples: list[Sample] = []
    said = _said(message.payload)
    for point in points:
        if message.topic == point.availability and str(said.get("state", "")).strip().lower() == "offline":
            samples.append(Silence(point.id, "offline", at, utc))
        here = lookup(Fields(said), point.key or BARE) if message.topic == point.topic else None
        if here is None:
            continue  # devices send parts of their state: what is not there did not change
        value = value_of(point.kind, here)
        if value is None:
            samples.append(Silence(point.id, "not-a-number", at, utc))
            continue
        if isinstance(value, bool) and point.inverted:
            value = not value
        if message.retained and value is True and point.kind in MOMENTARY:
            continue
        samples.append(Reading(point.id, value, at, utc))
    return samples


def _said(payload: bytes) -> dict[str, object]:
    """Return a JSON object as it is; a bare word or number as the object's nameless value and its state."""
    text = payload.decode("utf-8", "replace")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = text
    return said if isinstance(said, dict) else {BARE: said, "state": said}  # pyright: ignore[reportUnknownVariableType]
