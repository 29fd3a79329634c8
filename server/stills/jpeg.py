"""Is this a plain JPEG of that size and nothing more? Judged by its bytes; nothing is decoded."""

from __future__ import annotations

from dataclasses import dataclass

_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_FRAME = 0xC0  # baseline; our agents make no other
_TABLES = frozenset({0xC4, 0xDB, 0xDD})
_JFIF = 0xE0  # the one place for words that is let through, and only with nothing in it
_RESTARTS = range(0xD0, 0xD8)


class PictureError(ValueError):
    """What is wrong with it, in a few words."""


@dataclass(frozen=True, slots=True)
class Size:
    """In pixels."""

    width: int
    height: int


def size_of(data: bytes) -> Size:
    """Return the size of a JPEG; refuse what is another thing, holds more than a picture, or goes on after its end."""
    if data[:2] != bytes((0xFF, _START)):
        raise PictureError("is no JPEG")
    at, size = 2, None
    while True:
        marker, body, at = _segment(data, at)
        if marker == _FRAME and size is None and len(body) >= 6:
            size = Size(int.from_bytes(body[3:5]), int.from_bytes(body[1:3]))
        elif marker == _SCAN and size is not None:
            at = _after_scan(data, at)
            if data[at:] == bytes((0xFF, _END)):
                return size
        elif marker == _JFIF and body[:5] == b"JFIF\0" and len(body) == 14 and body[12:14] == b"\0\0":
            continue
        elif marker not in _TABLES:
            raise PictureError(f"holds a part of kind {marker:02X}, which a still does not have")


def _segment(data: bytes, at: int) -> tuple[int, bytes, int]:
    """Return one segment's kind and body, and where the next begins."""
    if len(data) < at + 4 or data[at] != 0xFF:
        raise PictureError("is cut off or damaged")
    end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
    if end < at + 4 or end > len(data):
        raise PictureError("is cut off or damaged")
    return data[at + 1], data[at + 4 : end], end


def _after_scan(data: bytes, at: int) -> int:
    """Return where the next marker is: within a scan FF is followed by 00 or by a restart."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise PictureError("is cut off or damaged")
        if data[at + 1] != 0 and data[at + 1] not in _RESTARTS:
            return at
        at += 2
