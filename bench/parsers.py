"""Parsers of all device protocols under random and mutated frames; run by `python -m bench.devices fuzz`."""

from __future__ import annotations

import logging
import random
import re
import resource
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from bench.row import Row
from config.buses import Bus
from config.panels import HostPoint, PanelPoint
from drivers import dc09, gb26875
from drivers.lines import LineCutter
from drivers.linux_sensors import read_w1_slave
from drivers.modbus_frames import Words, answer
from drivers.modbus_plan import plan
from drivers.mqtt_messages import Message, samples_of
from drivers.panel_dc09 import Dc09Dialogue
from drivers.panel_gb26875 import Gb26875Dialogue
from drivers.text_formats import Fields, read_line

NOON = datetime(2026, 1, 2, 12, 0, 0)  # noqa: DTZ001 - a panel names no zone


def state(part: int, bits: int) -> bytes:
    """Make a panel's frame with one part's state."""
    body = b"\x02\x01\x01\x03\x00" + part.to_bytes(4, "little") + bits.to_bytes(2, "little") + bytes(31)
    return gb26875.build(b"\1\0", b"\1\1", NOON, bytes(6), bytes(6), 2, body)


def fuzz(count: int) -> list[Row]:
    """Throw random and mutated frames at every parser; a good frame after each batch must still be read."""
    return [_fuzzed(name, good, feed, count) for name, (good, feed) in _targets().items()]


def _targets() -> dict[str, tuple[bytes, Callable[[bytes], bool]]]:
    """Each protocol's good frame, and a function that feeds bytes and says whether the good frame was read."""
    panel = Gb26875Dialogue("panel", (PanelPoint.model_validate({"id": "panel", "name": "p"}),))
    host = Dc09Dialogue("host", (HostPoint.model_validate({"id": "host", "name": "h"}),))
    bus: Any = TypeAdapter[Bus](Bus).validate_python(
        {
            "type": "modbus-rtu", "name": "b", "port": "/x",
            "point": [{"id": "a", "name": "a", "kind": "level", "register": r} for r in (0,)],
        }
    )  # fmt: skip
    (request,) = plan(bus.point)
    zigbee: Any = TypeAdapter[Bus](Bus).validate_python(
        {"type": "mqtt", "name": "m", "point": [{"id": "z", "name": "z", "kind": "door", "zigbee": "a"}]}
    )
    cutter, held_text = LineCutter(), LineCutter()
    maxbotix = re.compile(r"R(?P<mm>\d{4})")
    held = [b""]

    def rtu(data: bytes) -> bool:
        held[0] = (held[0] + data)[-256:]
        return isinstance(answer(held[0], request, "rtu"), Words)

    def text(data: bytes) -> bool:
        return any(
            isinstance(read_line(line, "json"), Fields) + isinstance(read_line(line, "nmea"), Fields)
            for line in cutter.feed(data)
        )

    def free_text(data: bytes) -> bool:
        held_text.feed(b"\n")
        said = [line for part in (data, b"\n") for line in held_text.feed(part)]
        pairs = [isinstance(read_line(line, "key-value"), Fields) for line in said]
        ranges = [isinstance(read_line(line, "pattern", maxbotix), Fields) for line in said]
        return any(pairs) and any(ranges)

    def thermometer(data: bytes) -> bool:
        try:
            return isinstance(read_w1_slave(data.decode("ascii", "replace")), float)
        except ValueError:  # what the driver turns into 'not-a-number'
            return False

    good_event = dc09.build('"ADM-CID"4711R1L0#1234[#1234|1110 00 009]_17:15:29,12-09-2015')
    mqtt_point = zigbee.point
    return {
        "GB/T 26875.3": (state(7, 0b10), lambda data: bool(panel.hear(0, data, 1.0, 1e9)[0])),
        "DC-09": (good_event, lambda data: b"ACK" in host.hear(0, data, 1.0, 1e9)[1]),
        "Modbus RTU": (bytes.fromhex("01 03 02 00 64 B9 AF"), rtu),
        "Modbus TCP": (
            bytes.fromhex("00 07 00 00 00 05 01 03 02 00 64"),
            lambda data: isinstance(answer(data, request, "tcp", 7), Words),
        ),
        "text lines": (b'\n{"t": 1}\n', text),
        "text pairs and patterns": (b"t=21.5 R1234\n", free_text),
        "MQTT payload": (
            b'{"contact": false}',
            lambda data: bool(samples_of(mqtt_point, Message("zigbee2mqtt/a", data), 1.0, 2.0)),
        ),
        "DS18B20": (b"72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n72 t=23125\n", thermometer),
    }


def _fuzzed(name: str, good: bytes, feed: Callable[[bytes], bool], count: int) -> Row:
    dice = random.Random(4711)
    missed = tried = 0
    warm = 0
    logging.disable(logging.WARNING)
    began = time.monotonic()
    for n in range(count):
        feed(_spoilt(dice, good))
        if n % 100 == 99:
            tried += 1
            missed += not feed(good)
        if n == count // 10:
            warm = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - warm
    logging.disable(logging.NOTSET)
    took = time.monotonic() - began
    figures = {"frames": count, "good_missed": missed, "good_tried": tried, "grown_kb": grown, "seconds": took}
    text = (
        f"{count} frames, 0 exceptions, {missed} of {tried} good frames after garbage missed, peak memory {grown:+d} kB"
    )
    return Row(f"fuzz {name}", text, "0, 0, no growth", figures)


def _spoilt(dice: random.Random, good: bytes) -> bytes:
    """Make random bytes, or the good frame with bytes changed, cut, doubled or put in."""
    way = dice.randrange(5)
    if way == 0:
        return dice.randbytes(dice.randrange(120))
    data = bytearray(good)
    match way:
        case 1:
            for _ in range(dice.randint(1, 8)):
                data[dice.randrange(len(data))] = dice.randrange(256)
        case 2:
            del data[dice.randrange(len(data)) :]
        case 3:
            at = dice.randrange(len(data))
            data[at:at] = dice.randbytes(dice.randint(1, 8))
        case _:
            data = data[dice.randrange(len(data)) :] + data
    return bytes(data)
