"""What an uploaded picture really is, by its own bytes: PNG or JPEG, and how large. Never by its name."""

from __future__ import annotations

from dataclasses import dataclass
from struct import error, unpack_from

from server.errors import RefusedError

MOST_BYTES = 5 * 2**20
MOST_PIXELS = 40_000_000
_PNG = b"\x89PNG\r\n\x1a\n"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # JPEG: start of frame, of any process


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture the pages may show. Sizes in pixels."""

    type: str
    width: int
    height: int


def look(data: bytes) -> Picture:
    """Say what a picture is; refuse anything but a PNG or a JPEG of a bearable size."""
    if len(data) > MOST_BYTES:
        raise RefusedError(f"plan: the picture has {len(data) / 2**20:.1f} MB; at most {MOST_BYTES // 2**20} MB")
    try:
        picture = _png(data) if data.startswith(_PNG) else _jpeg(data)
    except (error, IndexError) as e:
        raise RefusedError("plan: the picture is cut off or broken") from e
    if not 0 < picture.width * picture.height <= MOST_PIXELS:
        raise RefusedError(f"plan: {picture.width} x {picture.height} pixels; at most {MOST_PIXELS // 10**6} million")
    return picture


def _png(data: bytes) -> Picture:
    if data[12:16] != b"IHDR":
        raise RefusedError("plan: the picture is cut off or broken")
    width, height = unpack_from(">II", data, 16)
    return Picture("image/png", width, height)


def _jpeg(data: bytes) -> Picture:
    if not data.startswith(b"\xff\xd8\xff"):
        raise RefusedError("plan: give a PNG or a JPEG; SVG and other kinds are not taken")
    at = 2
    while data[at] == 0xFF:
        marker, size = data[at + 1], unpack_from(">H", data, at + 2)[0]
        if marker in _FRAMES:
            height, width = unpack_from(">HH", data, at + 5)
            return Picture("image/jpeg", width, height)
        at += 2 + size
    raise RefusedError("plan: the picture is cut off or broken")
