"""Bytes that were never meant for us, made from ones that were: cut, flipped, repeated, spliced, by a seed."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import random
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import ValidationError

from config import ConfigError, Section, mistakes, read
from config.agent import AgentConfig
from config.devices import Profile
from config.mqtt_devices import MqttPoint
from config.school import SchoolConfig
from config.server import ServerConfig
from contracts.messages import CommandMessage, Receipt
from contracts.topics import TopicError, parse
from drivers import dc09, gb26875
from drivers.mqtt_messages import Message, samples_of
from drivers.text_formats import read_line
from server.enrol.authority import public_key
from server.enrol.registry import hashed, proven
from server.errors import RefusedError
from server.ingest.decode import Arrival, decode, decode_readings
from server.ledger.excel import REGISTER, workbook
from server.ledger.guards import RuleError
from server.ledger.sheets import read_sheet
from server.stills.jpeg import PictureError, size_of
from server.stills.reading import StillError, read_still

ROOT = Path(__file__).parent.parent.parent
AT = datetime(2026, 9, 1, tzinfo=UTC)
SHEET = "xl/worksheets/sheet1.xml"
ODD = (
    b"\0", b"\xff", b"\n", b"\r", b"@@", b"##", b'"', b"{", b"[" * 200, b"9" * 400, b"1e999", b"NaN", b"\xe4\xb8", b"/",
    b"+", b"#", b"..", b"\\u0000", b"\\ud800", b"=", b"true", b"null", b"-1", b"\x80\x81",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """One reader of foreign bytes. It may say no by the errors it names, and by no other."""

    name: str
    read: Callable[[bytes], object]
    seeds: Sequence[bytes]


def mutated(seeds: Sequence[bytes], chance: random.Random) -> bytes:
    """Make one input."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.choice((1, 1, 2, 3, 6))):
        place = chance.randrange(len(data) + 1)
        match chance.randrange(7):
            case 0 if data:
                data[min(place, len(data) - 1)] ^= 1 << chance.randrange(8)
            case 1:
                data[place:place] = chance.choice(ODD)
            case 2:
                del data[place : place + chance.randrange(1, 9)]
            case 3:
                data[place:place] = data[: chance.randrange(1, 40)]
            case 4:
                other = chance.choice(seeds)
                data[place:] = other[chance.randrange(len(other) + 1) :]
            case 5:
                data[place:place] = chance.randbytes(chance.randrange(1, 12))
            case _:
                del data[place:]
    return bytes(data)


def inputs(target: Target, number: int) -> Iterator[bytes]:
    """Make inputs for ever."""
    chance = random.Random(number)
    while True:
        yield mutated(target.seeds, chance)


def slowest(target: Target, data: Iterator[bytes], count: int) -> float:
    """Give so many inputs; return the longest CPU seconds of one. Whatever it raises ends the run, with its input."""
    longest = 0.0
    for _ in range(count):
        one = next(data)
        began = time.thread_time()
        try:
            target.read(one)
        except Exception as e:
            e.add_note(f"{target.name}: {one!r}")
            raise
        longest = max(longest, time.thread_time() - began)
    return longest


def targets() -> list[Target]:
    """Every reader of bytes that come from outside."""
    wire = [path.read_bytes() for path in sorted((ROOT / "tests" / "fixtures" / "wire").rglob("*.json"))]
    examples = [path.read_bytes() for path in sorted((ROOT / "config").glob("*.example.toml"))]
    profiles = [path.read_bytes() for path in sorted((ROOT / "config" / "devices").glob("*.toml"))]
    frame = gb26875.build(
        b"\1\0", b"\1\1", AT, bytes(6), bytes(6), 2, bytes([2, 1, 1, 1, 10, 0, 0, 0, 2, 0, *bytes(31)])
    )
    alarm = dc09.build('"ADM-CID"0001R1L0#1234[#1234|1110 00 001]_12:00:00,09-01-2026')
    lines = [b'{"a": 1, "b": {"c": [1, 2]}}', b"$GPGGA,1,2*5A", b"T=21.5 H=40", b"R1234", "温度=21".encode()]
    return [
        *(_wire(kind, wire) for kind in ("birth", "state", "events", "crossings", "heartbeat")),
        Target("readings", _readings, wire),
        Target("still", _still, [one for one in wire if b'"image"' in one and b'"event"' in one]),
        Target("jpeg", _jpeg, _pictures(wire)),
        Target("receipt", lambda data: _model_says(lambda: Receipt.model_validate_json(data)), wire),
        Target("command", lambda data: _model_says(lambda: CommandMessage.model_validate_json(data)), wire),
        Target("topic", _topic, [b"campus/1/no1/lab/events", b"campus/1/+/#/birth", b"$SYS/x"]),
        Target("gb26875", _gb26875, [frame, frame * 3]),
        Target("dc09", _dc09, [alarm, alarm * 3, dc09.build('"NULL"0000L0#1234[]')]),
        Target("text line", _line, lines),
        Target("mqtt device", _device, [*lines, b"21.5", b"ON", b'{"state":"offline"}']),
        Target("agent.toml", lambda data: _toml(data, AgentConfig), examples),
        Target("server.toml", lambda data: _toml(data, ServerConfig), examples),
        Target("school.toml", lambda data: _toml(data, SchoolConfig), examples),
        Target("profile", lambda data: _toml(data, Profile), profiles),
        Target("workbook", _workbook, [_book(), b"PK\3\4", b"a,b\n1,2"]),
        Target("sheet", lambda data: _workbook(_packed(data)), [_sheet()]),
        Target("certificate", _certificate, [_certificate_der()]),
        Target("request", _request, [_request_der()]),
        Target("token", lambda data: hashed(data.decode("utf-8", "replace")), [b"ABCDE-12345"]),
    ]


def _wire(kind: str, seeds: Sequence[bytes]) -> Target:
    topic = f"campus/1/no1/lab/{kind}"
    return Target(kind, lambda data: decode(Arrival(topic, data, AT, 0.0)), seeds)


def _readings(data: bytes) -> None:
    decode_readings(Arrival("campus/1/no1/lab/readings", data, AT, 0.0))


def _still(data: bytes) -> None:
    with contextlib.suppress(StillError):
        read_still(Arrival("campus/1/no1/lab/stills", data, AT, 0.0))


def _jpeg(data: bytes) -> None:
    with contextlib.suppress(PictureError):
        size_of(data)


def _pictures(wire: Sequence[bytes]) -> list[bytes]:
    stills = [json.loads(one) for one in wire if b'"image"' in one and b'"event"' in one]
    return [base64.b64decode(one["image"]) for one in stills]


def _topic(data: bytes) -> None:
    with contextlib.suppress(TopicError):
        parse(data.decode("utf-8", "replace"))


def _model_says(read: Callable[[], object]) -> None:
    try:
        read()
    except ValidationError as e:
        mistakes(e)


def _gb26875(data: bytes) -> None:
    found, rest = gb26875.cut(data)
    assert len(rest) <= len(data)
    for one in found:
        gb26875.reply(one, gb26875.Command.CONFIRM, AT)
        if isinstance(one, gb26875.Frame):
            with contextlib.suppress(ValueError):
                gb26875.parts(one.body)


def _dc09(data: bytes) -> None:
    found, _, rest = dc09.cut(data)
    assert len(rest) <= len(data)
    for one in found:
        dc09.reply(one, "ACK", AT)


def _line(data: bytes) -> None:
    for form in ("json", "key-value", "nmea"):
        read_line(data, form)


_POINTS = [
    MqttPoint.model_validate({"id": f"p{n}", "name": "p", "kind": kind, "topic": "t", "key": key, "availability": "t"})
    for n, (kind, key) in enumerate((("temperature", "b.c"), ("smoke", "")))
]


def _pem(kind: str, der: bytes) -> str:
    return f"-----BEGIN {kind}-----\n{base64.b64encode(der).decode()}\n-----END {kind}-----\n"


def _certificate(der: bytes) -> None:
    with contextlib.suppress(RefusedError):
        proven(_pem("CERTIFICATE", der), "x", b"")


def _request(der: bytes) -> None:
    with contextlib.suppress(RefusedError):
        public_key(_pem("CERTIFICATE REQUEST", der))


def _certificate_der() -> bytes:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, AT, AT.replace(year=AT.year + 1))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _request_der() -> bytes:
    made = x509.CertificateSigningRequestBuilder(x509.Name([])).sign(
        ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()
    )
    return made.public_bytes(serialization.Encoding.DER)


def _device(data: bytes) -> None:
    samples_of(_POINTS, Message("t", data), 0.0, 0.0)


def _toml(data: bytes, model: type[Section]) -> None:
    with contextlib.suppress(ConfigError):
        read(data, model, "a file")


def _workbook(data: bytes) -> None:
    with contextlib.suppress(RuleError):
        read_sheet(data, REGISTER)


def _book() -> bytes:
    rows = [["灯坏了", "一楼", "2026-05-07 14:00"], ["门坏了", "二楼", ""]]
    return workbook("台账", ["描述", "地点", "发现时间"], rows)


def _sheet() -> bytes:
    with zipfile.ZipFile(io.BytesIO(_book())) as book:
        return book.read(SHEET)


def _packed(sheet: bytes) -> bytes:
    """Put a sheet's XML into a whole workbook, so that more than the packing is tried."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_book())) as book, zipfile.ZipFile(out, "w") as made:
        for name in book.namelist():
            made.writestr(name, sheet if name == SHEET else book.read(name))
    return out.getvalue()
