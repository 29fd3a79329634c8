"""Cameras: where the picture comes from, lines to count across, zones to watch."""

from __future__ import annotations

from pydantic import Field

from config import Section
from config.points import Id
from contracts.vocabulary import Direction


class LineSection(Section):
    """A counting line; coordinates in pixels of the picture's own size."""

    id: Id
    name: str
    place: str = ""
    exit: str = ""
    line: tuple[float, float, float, float]  # x1, y1, x2, y2
    out: Direction | None = None
    width_m: float | None = Field(default=None, gt=0)


class ZoneSection(Section):
    """A watched polygon; coordinates in pixels of the picture's own size."""

    id: Id
    name: str
    place: str = ""
    zone: tuple[float, ...] = Field(min_length=6)  # x, y, x, y, x, y, …
    dwell_s: float = Field(default=0.0, ge=0)


class CameraSection(Section):
    """One camera: a file, a V4L2 device, an RTSP or HTTP address."""

    id: Id
    name: str
    place: str = ""
    source: str
    line: tuple[LineSection, ...] = ()
    zone: tuple[ZoneSection, ...] = ()
    open_timeout_s: float = Field(default=4.0, gt=0)
    read_timeout_s: float = Field(default=3.0, gt=0)
    frames_per_s: float = Field(default=10.0, gt=0)
