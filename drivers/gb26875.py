"""GB/T 26875.3 frames: bytes to parts and their states, and the answers. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from drivers.panel_words import PanelWord

START = b"@@"
END = b"##"
_HEAD = 27  # from the start mark to the command
_TAIL = 3  # checksum and end mark
_LONGEST_BODY = 1024  # the standard's limit for the application data
_STAMP = 6


class Command(IntEnum):
    """What a frame is for."""

    CONTROL = 1
    SEND = 2
    CONFIRM = 3
    ASK = 4
    ANSWER = 5
    DENY = 6


SYSTEM_STATE = 1
PART_STATE = 2
DEVICE_STATE = 21
_OBJECT_SIZE = {SYSTEM_STATE: 4, PART_STATE: 40, DEVICE_STATE: 1}
_ASK_SYSTEM_STATE = 61
_ASK_PART_STATE = 62
_ASKED_AT_ONCE = 20
"""Parts in one question, so that the answer with its time stamps keeps within the limit of a frame."""
TRANSMITTER = -1
"""Stands for the system where the transmission device speaks of itself."""

_BITS = {
    1: PanelWord.FIRE,
    2: PanelWord.FAULT,
    3: PanelWord.SHIELDED,
    4: PanelWord.SUPERVISED,
    5: PanelWord.STARTED,
    6: PanelWord.FEEDBACK,
    7: PanelWord.DELAYED,
    8: PanelWord.POWER_FAULT,
}
_SYSTEM_BITS = {**_BITS, 9: PanelWord.POWER_FAULT, 10: PanelWord.FAULT}  # backup power, bus
_DEVICE_BITS = {
    1: PanelWord.FIRE,
    2: PanelWord.FAULT,
    3: PanelWord.POWER_FAULT,
    4: PanelWord.POWER_FAULT,  # backup
    5: PanelWord.FAULT,  # its channel to the centre
    6: PanelWord.LOST,  # its line to the panel
}


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame whose checksum agrees. Addresses are hexadecimal, most significant byte first."""

    sequence: int
    version: tuple[int, int]
    time: datetime | None  # by the sender's clock
    source: str
    target: str
    command: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Damaged:
    """A frame with both its marks but a wrong checksum; the sequence may be wrong too."""

    head: bytes


@dataclass(frozen=True, slots=True)
class PartState:
    """What one part reports; with part None the whole system, with system TRANSMITTER the transmission device."""

    system_type: int
    system: int
    part_type: int | None
    part: str | None  # 8 hexadecimal digits
    words: tuple[PanelWord, ...]
    text: str
    time: datetime | None


def cut(data: bytes) -> tuple[list[Frame | Damaged], bytes]:
    """Return the frames in the bytes, and the rest that may still become one (less than a frame). Never raises.

    Garbage is passed over, also garbage that looks like the beginning of a frame.
    """
    found: list[Frame | Damaged] = []
    begin = 0  # everything before it is done with
    place = data.find(START)
    waiting: int | None = None  # the first beginning that is not complete yet
    while place >= 0:
        size = _size(data[place:])
        if size is None or place + size > len(data):
            waiting = place if waiting is None else waiting
            place = data.find(START, place + 1)
            continue
        frame = _read(data[place : place + size]) if size else None
        if isinstance(frame, Frame):
            found.append(frame)
            begin, waiting = place + size, None
            place = data.find(START, begin)
            continue
        if frame is not None:
            found.append(frame)
        place = data.find(START, place + 1)
    if waiting is not None:
        return found, data[waiting:]
    return found, b"@" if data[begin:].endswith(b"@") else b""


def parts(body: bytes) -> list[PartState]:
    """Return the states in the application data of a SEND; [] for other types. Raise ValueError where it is broken."""
    if len(body) < 2:
        raise ValueError("no type and count")
    kind, count = body[0], body[1]
    size = _OBJECT_SIZE.get(kind)
    if size is None:
        return []
    rest = body[2:]
    step = size + _STAMP if len(rest) == count * (size + _STAMP) else size
    if count == 0 or len(rest) != count * step:
        raise ValueError(f"{len(rest)} bytes for {count} objects of type {kind}")
    return [_part(kind, rest[i : i + size], rest[i + size : i + step]) for i in range(0, len(rest), step)]


def reply(frame: Frame | Damaged, command: Command, time: datetime) -> bytes:
    """Return a confirmation or denial: the same sequence, the addresses swapped, nothing inside."""
    if isinstance(frame, Damaged):
        head = frame.head
        sequence, version, source, target = head[2:4], head[4:6], head[12:18], head[18:24]
    else:
        sequence, version = frame.sequence.to_bytes(2, "little"), bytes(frame.version)
        source, target = bytes.fromhex(frame.source)[::-1], bytes.fromhex(frame.target)[::-1]
    return build(sequence, version, time, target, source, command)


def build(
    sequence: bytes, version: bytes, time: datetime, source: bytes, target: bytes, command: int, body: bytes = b""
) -> bytes:
    """Return a whole frame; addresses and sequence as they stand on the wire."""
    stamp = bytes([time.second, time.minute, time.hour, time.day, time.month, time.year % 100])
    inner = sequence + version + stamp + source + target + len(body).to_bytes(2, "little") + bytes([command]) + body
    return START + inner + bytes([sum(inner) & 0xFF]) + END


def questions(
    sequence: int,
    target: bytes,
    time: datetime,
    systems: Sequence[tuple[int, int]],
    parts: Sequence[tuple[int, int, str]] = (),
) -> bytes:
    """Return frames that ask for the state of systems (type, address) and of parts (the same, and 8 hex digits)."""
    objects = [(_ASK_SYSTEM_STATE, [bytes(system) for system in systems])]
    asked = [bytes((kind, system)) + bytes.fromhex(part)[::-1] for kind, system, part in parts]
    objects += [(_ASK_PART_STATE, asked[n : n + _ASKED_AT_ONCE]) for n in range(0, len(asked), _ASKED_AT_ONCE)]
    return b"".join(
        build(
            (sequence + place & 0xFFFF).to_bytes(2, "little"),
            b"\x01\x01",
            time,
            bytes(6),
            target,
            Command.ASK,
            bytes((kind, len(several))) + b"".join(several),
        )
        for place, (kind, several) in enumerate(objects)
        if several
    )


def words_of(state: int, bits: Mapping[int, PanelWord] = _BITS) -> tuple[PanelWord, ...]:
    """Return what the bits of a state say; fire is told even of a part under test."""
    words = tuple(dict.fromkeys(word for bit, word in bits.items() if state >> bit & 1))
    return words or (PanelWord.NORMAL if state & 1 else PanelWord.TEST,)


def _size(data: bytes) -> int | None:
    """Return the size of the frame that begins here, 0 when none can, None when too little has come to say."""
    if len(data) < _HEAD:
        return None
    length = int.from_bytes(data[24:26], "little")
    return _HEAD + length + _TAIL if length <= _LONGEST_BODY else 0


def _read(data: bytes) -> Frame | Damaged | None:
    if not data.endswith(END):
        return None
    if sum(data[2:-_TAIL]) & 0xFF != data[-_TAIL]:
        return Damaged(data[:_HEAD])
    return Frame(
        sequence=int.from_bytes(data[2:4], "little"),
        version=(data[4], data[5]),
        time=_time(data[6:12]),
        source=data[12:18][::-1].hex().upper(),
        target=data[18:24][::-1].hex().upper(),
        command=data[26],
        body=data[_HEAD:-_TAIL],
    )


def _part(kind: int, data: bytes, stamp: bytes) -> PartState:
    if kind == SYSTEM_STATE:
        state = int.from_bytes(data[2:4], "little")
        return PartState(data[0], data[1], None, None, words_of(state, _SYSTEM_BITS), "", _time(stamp))
    if kind == DEVICE_STATE:
        return PartState(0, TRANSMITTER, None, None, words_of(data[0], _DEVICE_BITS), "", _time(stamp))
    state = int.from_bytes(data[7:9], "little")
    text = data[9:40].split(b"\0")[0].decode("gb18030", "replace").strip()
    return PartState(data[0], data[1], data[2], data[3:7][::-1].hex().upper(), words_of(state), text, _time(stamp))


def _time(data: Sequence[int]) -> datetime | None:
    """Return a time stamp (second, minute, hour, day, month, year - 2000, China's time); None where it is none."""
    if len(data) != _STAMP:
        return None
    second, minute, hour, day, month, year = data
    try:
        return datetime(2000 + year, month, day, hour, minute, second)  # noqa: DTZ001 - the panel names no zone
    except ValueError:
        return None
