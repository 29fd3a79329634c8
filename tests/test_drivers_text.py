"""Lines of text: formats, partial lines, garbage, and what a driver says of them."""

from __future__ import annotations

import re
from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.buses import SerialTextBus
from drivers.errors import DriverError
from drivers.lines import LineCutter
from drivers.samples import Reading
from drivers.serial_text import SerialTextDriver
from drivers.text_formats import Fields, Unreadable, lookup, read_line


class ScriptedLink:
    """Gives what was written into it, then nothing."""

    name = "script"

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = deque(pieces)

    def open(self) -> None:
        """Open nothing."""

    def send(self, data: bytes) -> None:
        """Send nowhere."""

    def receive(self, timeout_s: float) -> bytes:
        if not self._pieces:
            raise DriverError("script: over")
        return self._pieces.popleft()

    def drain(self) -> bytes:
        return b""

    def close(self) -> None:
        """Close nothing."""


def said(*pieces: bytes, **keys: Any) -> list[tuple[str, object]]:
    point = [{"id": "t", "name": "温度", "kind": "temperature", "key": "t"}]
    bus = SerialTextBus.model_validate({"type": "serial-text", "name": "串口", "port": "/x", "point": point, **keys})
    got: list[tuple[str, object]] = []
    with SerialTextDriver(bus, ScriptedLink(*pieces)) as driver:
        for _ in pieces:
            got += [(s.point, s.value if isinstance(s, Reading) else s.reason) for s in driver.read()]  # type: ignore[union-attr]
    return got


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([b'{"t": 21.5}\n'], [("t", 21.5)]),
        ([b'{"t": 2', b'1.5}\r\n{"t"', b": 22}\r\n"], [("t", 21.5), ("t", 22.0)]),
        ([b"\xff\xfe\x00 noise\n", b'{"t": 1}\n'], [("t", 1.0)]),
        ([b"x" * 10_000, b'x\n{"t": 1}\n'], [("t", 1.0)]),
        ([b'{"t": "hot"}\n'], [("t", "not-a-number")]),
        ([b'{"t": NaN}\n'], [("t", "not-a-number")]),
        ([b'{"t": 1e999}\n'], [("t", "not-a-number")]),
        ([b'[1]\n{"other": 1}\n'], []),
        ([b"\n\r\n\n"], []),
    ],
    ids=[
        "a line", "lines in pieces", "garbage, then a line", "10 kB without an end, then a line", "a word for a number",
        "not a number", "more than a number holds", "lines without the key", "empty lines",
    ],
)  # fmt: skip
def test_lines_become_samples(pieces: list[bytes], expected: list[tuple[str, object]]) -> None:
    assert said(*pieces) == expected


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [([b""], "timeout"), ([b"\xf8\x80\xf8\n"], "garbage"), ([b"\x80" * 5000], "garbage")],
    ids=["nothing comes", "a wrong baud rate", "a wrong baud rate without line ends"],
)
def test_a_point_without_a_value_is_silent_with_the_reason(pieces: list[bytes], reason: str) -> None:
    assert said(*pieces, timeout_s=1e-9) == [("t", reason)]


@pytest.mark.parametrize(
    ("form", "line", "key", "expected"),
    [
        ("key-value", b"t=21.5;h=40", "t", "21.5"),
        ("key-value", b"T1: 21.5, T2: 22", "T2", "22"),
        ("json", b'{"air": {"t": [1, 2]}}', "air.t.1", 2),
        ("json", b'{"a.b": 1}', "a.b", 1),
        ("json", b'{"a": 1}', "a.b", None),
        ("pattern", b"R1234", "mm", "1234"),
        ("nmea", b"$GPGLL,5300.97914,N,00259.98174,E,125926,A*28", "GPGLL.5", "125926"),
        ("nmea", b"$WIXDR,C,21.5,C,TEMP", "WIXDR.2", "21.5"),
    ],
)
def test_each_format_finds_its_key(form: Any, line: bytes, key: str, expected: object) -> None:
    fields = read_line(line, form, re.compile(r"^R(?P<mm>\d{4})$"))
    assert isinstance(fields, Fields)
    assert lookup(fields, key) == expected


@pytest.mark.parametrize(
    ("form", "line", "reason"),
    [
        ("nmea", b"$WIXDR,C,21.5,C,TEMP*00", "checksum"),
        ("nmea", b"WIXDR", "garbage"),
        ("pattern", b"R12", "garbage"),
        ("json", b"{" * 5000, "garbage"),
        ("key-value", b"?", "garbage"),
    ],
)
def test_what_cannot_be_read_says_why(form: Any, line: bytes, reason: Any) -> None:
    assert read_line(line, form, re.compile(r"^R(?P<mm>\d{4})$")) == Unreadable(reason)


@given(st.binary(max_size=300), st.sampled_from(["json", "key-value", "pattern", "nmea"]))
def test_no_line_breaks_a_format(line: bytes, form: Any) -> None:
    read_line(line, form, re.compile(r"(?P<a>\d)"))


@given(st.lists(st.binary(max_size=50), max_size=40))
def test_a_good_line_after_anything_is_read_and_memory_is_bounded(pieces: list[bytes]) -> None:
    cutter = LineCutter(limit=64)
    for piece in pieces:
        cutter.feed(piece)
        assert len(cutter._held) <= 64
    assert cutter.feed(b"\ngood\n")[-1:] == [b"good"]


def shipped_gauge(**device: Any) -> SerialTextBus:
    keys = {"type": "serial-text", "name": "河道", "port": "/x", "device": {"profile": "mb7389", **device}}
    return SerialTextBus.model_validate(keys)


def test_a_shipped_device_needs_its_profile_and_nothing_else() -> None:
    bus = shipped_gauge()
    with SerialTextDriver(bus, ScriptedLink(b"R1234\rR5000\rRx", b"\rR0300\r")) as driver:
        values = [s.value for _ in range(2) for s in driver.read() if isinstance(s, Reading)]
    assert values == [1234.0, 5000.0, 300.0]
    (point,) = bus.point
    assert (point.id, point.unit, bus.baud) == ("mb7389", "mm", 9600)
    assert point.rule.model_dump(include={"distance", "special_from"}) == {"distance": True, "special_from": 5000}


def test_what_is_said_of_a_shipped_device_goes_first() -> None:
    (point,) = shipped_gauge(id="river", rule={"high": 800}).point
    assert (point.id, point.rule.model_dump()["high"], point.rule.model_dump()["distance"]) == ("river", 800, True)


@pytest.mark.parametrize(
    ("device", "said"),
    [
        ({"profile": "mb738"}, "device: profile 'mb738' is not known: did you mean mb7389"),
        ({"adress": 1}, "device, adress: unknown key"),
    ],
)
def test_a_mistake_in_a_shipped_device_is_one_clear_line(device: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        shipped_gauge(**device)
