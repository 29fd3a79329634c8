"""SIA DC-09 frames with ADM-CID (Contact ID) inside: bytes to events, and the answers. Pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from drivers.panel_words import PanelWord

_LONGEST = 1024
_BODY = re.compile(
    r'"(?P<id>[^"\s]{1,20})"(?P<seq>\d{4})(?:R(?P<receiver>[0-9A-Fa-f]{1,6}))?L(?P<prefix>[0-9A-Fa-f]{1,6})'
    r"#(?P<account>[0-9A-Za-z]{1,16})\[(?P<data>[^\]]*)\](?P<more>.*)"
)
_EVENT = re.compile(
    r"#?(?P<account>[0-9A-Za-z]{1,16})\|(?P<way>[136])(?P<code>\d{3}) (?P<group>[0-9A-F]{2}) (?P<zone>\d{3})"
)

WORDS = {
    100: PanelWord.EMERGENCY,
    110: PanelWord.FIRE,
    111: PanelWord.FIRE,  # smoke
    114: PanelWord.FIRE,  # heat
    115: PanelWord.FIRE,  # pull station
    113: PanelWord.WATER,
    120: PanelWord.EMERGENCY,
    121: PanelWord.DURESS,
    122: PanelWord.EMERGENCY,  # silent
    123: PanelWord.EMERGENCY,  # audible
    130: PanelWord.BURGLARY,
    137: PanelWord.TAMPER,
    151: PanelWord.GAS,
    301: PanelWord.POWER_FAULT,
    302: PanelWord.LOW_BATTERY,
    311: PanelWord.LOW_BATTERY,
    380: PanelWord.FAULT,
    381: PanelWord.LOST,
    384: PanelWord.POWER_FAULT,
    393: PanelWord.LOST,
    570: PanelWord.SHIELDED,
}
"""Contact ID codes (SIA DC-05) that are states of a zone. Others are kept as no state: 4xx is arming."""


@dataclass(frozen=True, slots=True)
class Event:
    """One Contact ID event."""

    code: int
    begins: bool  # qualifier 1 (or 6, still so) against 3, restored
    group: str
    zone: int


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame whose length and CRC agree."""

    id: str  # "NULL" is a heartbeat
    sequence: str
    receiver: str
    prefix: str
    account: str
    event: Event | None
    readable: bool  # False: the CRC is right, but we do not know what it says


def cut(data: bytes) -> tuple[list[Frame], int, bytes]:
    """Return the frames in the bytes, how many were damaged, and the rest that may still become one. Never raises."""
    found: list[Frame] = []
    damaged = 0
    waiting: int | None = None
    place = data.find(b"\n")
    begin = 0
    while place >= 0:
        size = _size(data[place:])
        if size is None or (size and place + size > len(data)):
            waiting = place if waiting is None else waiting
            place = data.find(b"\n", place + 1)
            continue
        frame = _read(data[place : place + size]) if size else None
        if frame is not None:
            found.append(frame)
            begin, waiting = place + size, None
            place = data.find(b"\n", begin)
            continue
        damaged += bool(size)
        place = data.find(b"\n", place + 1)
    return found, damaged, data[waiting:] if waiting is not None else b""


def reply(frame: Frame, word: Literal["ACK", "DUH"], time: datetime) -> bytes:
    """Return the answer: the same sequence, receiver, prefix and account."""
    receiver = f"R{frame.receiver}" if frame.receiver else ""
    stamp = time.strftime("%H:%M:%S,%m-%d-%Y")
    return build(f'"{word}"{frame.sequence}{receiver}L{frame.prefix}#{frame.account}[]_{stamp}')


def build(body: str) -> bytes:
    """Return a whole frame round its body."""
    data = body.encode("ascii")
    return b"\n%04X%04X%b\r" % (crc16_arc(data), len(data), data)


def crc16_arc(data: bytes) -> int:
    """Return CRC-16/ARC: polynomial 0x8005 reflected, start 0."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def _size(data: bytes) -> int | None:
    """Return the size of the frame that begins here, 0 when none can, None when too little has come to say."""
    if len(data) < 9:
        return None if all(byte in b"0123456789ABCDEFabcdef" for byte in data[1:]) else 0
    try:
        length = int(data[5:9], 16)
        int(data[1:5], 16)
    except ValueError:
        return 0
    return 10 + length if 0 < length <= _LONGEST else 0


def _read(data: bytes) -> Frame | None:
    body = data[9:-1]
    if data[-1:] != b"\r" or int(data[1:5], 16) != crc16_arc(body):
        return None
    found = _BODY.fullmatch(body.decode("latin-1"))
    if found is None:
        return None
    event = _EVENT.fullmatch(found["data"])
    said = (
        Event(int(event["code"]), event["way"] != "3", event["group"], int(event["zone"]))
        if event is not None
        else None
    )
    return Frame(
        found["id"],
        found["seq"],
        found["receiver"] or "",
        found["prefix"],
        found["account"],
        said,
        readable=said is not None or found["id"] == "NULL",
    )
