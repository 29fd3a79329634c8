"""Cameras: where the picture comes from, lines to count across, zones to watch, fire, what is masked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from config import Section
from config.points import Id
from config.shapes import LineEnds, Polygon, misses
from contracts.vocabulary import Direction

_USER_ALONE = re.compile(r"[a-z]+://[^:/@]+@[^@]+$")

Hours = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-4]):[0-5]\d$")]
"""'22:00-06:00', by the clock of the place; may pass midnight."""


Pixels = Annotated[int, Field(gt=0)]


class LineSection(Section):
    """A counting line; coordinates in pixels of the picture's own size."""

    id: Annotated[Id, Field(max_length=37)]
    name: str
    place: str = ""
    exit: str = ""
    line: LineEnds  # x1, y1, x2, y2
    out: Direction | None = None
    width_m: float | None = Field(default=None, gt=0)


class ZoneSection(Section):
    """A watched polygon; coordinates in pixels of the picture's own size."""

    id: Id
    name: str
    place: str = ""
    zone: Polygon  # x, y, x, y, x, y, …
    dwell_s: float = Field(default=0.0, ge=0)  # a person who stays longer raises the severity; 0: at once
    armed: tuple[Hours, ...] = ()  # always, where none is given


class ModelSection(Section):
    """A network for people that the user supplies; without one people are found by motion."""

    path: Path
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-fA-F]{64}$")
    runtime: Literal["opencv", "onnxruntime"] = "opencv"  # for ONNX; a .tflite always runs in LiteRT
    score: float = Field(default=0.35, gt=0, lt=1)  # boxes below it are dropped


class FireSection(Section):
    """Flame and smoke as an advisory. Off unless asked for: read docs/cameras.md on what it cannot do."""

    on: bool = False
    smoke: bool = False  # smoke as well; weaker still, and only while `on`
    zone: str = ""  # points of this zone confirm it: two sources together are a fire alarm
    ignore: tuple[Polygon, ...] = ()  # lamps, screens, stoves, windows to the sunset


class PersonSection(Section):
    """How high a person is in the picture at two heights of the picture, pixels: rules out what is too small."""

    y1: float
    height1: float = Field(gt=0)
    y2: float
    height2: float = Field(gt=0)

    @model_validator(mode="after")
    def _two_heights(self) -> Self:
        if self.y1 == self.y2:
            raise ValueError("y1 and y2 are the same: say how high a person is at two heights of the picture")
        return self

    def scaled(self, y: float) -> Self:
        """Return the same in a picture so many times as high."""
        return self.model_copy(update={name: y * getattr(self, name) for name in ("y1", "height1", "y2", "height2")})


class CameraSection(Section):
    """One camera: a file, a V4L2 device, an RTSP or HTTP address."""

    id: Id
    name: str
    place: str = ""
    source: str = Field(min_length=1)
    detect_source: str = ""
    """The camera's second, smaller stream: people are looked for in it, and in `source` while it gives nothing."""
    password_file: Path | None = None
    """For addresses that name a user: rtsp://USER@HOST/…"""
    line: tuple[LineSection, ...] = ()
    zone: tuple[ZoneSection, ...] = ()
    private: bool = False
    """No still of it is ever given to anybody."""
    stills: bool = False
    """One still of each of its alarms, with nobody to be known in it; kept only where the server keeps stills too."""
    drawn_on: tuple[Pixels, Pixels] | None = None
    """Width and height of the picture that all coordinates are of; where left out: of the first one that comes."""
    privacy: tuple[Polygon, ...] = ()  # blacked out before anything looks at the picture
    model: ModelSection | None = None
    fire: FireSection = FireSection()
    person: PersonSection | None = None
    open_timeout_s: float = Field(default=4.0, gt=0)
    read_timeout_s: float = Field(default=3.0, gt=0)
    frames_per_s: float = Field(default=10.0, gt=0)

    @model_validator(mode="after")
    def _password_has_a_user(self) -> Self:
        used = [source for source in (self.source, self.detect_source) if "@" in source]
        if self.password_file is not None and (not used or not all(map(_USER_ALONE.match, used))):
            raise ValueError("password_file goes with an address that names a user alone: rtsp://USER@HOST/…")
        return self

    @model_validator(mode="after")
    def _private_shows_nothing(self) -> Self:
        if self.private and self.stills:
            raise ValueError("stills of its alarms are asked for, and it is private: take one of the two out")
        return self

    @model_validator(mode="after")
    def _shapes_touch_the_picture(self) -> Self:
        if self.drawn_on is not None and (outside := self.outside(*self.drawn_on)):
            width, height = self.drawn_on
            raise ValueError(f"{outside[0]!r} lies outside the picture, which is {width}x{height} pixels")
        return self

    def outside(self, width: int, height: int) -> tuple[str, ...]:
        """Return the ids of the lines and zones that do not touch a picture of this size."""
        shapes = {line.id: line.line for line in self.line} | {zone.id: zone.zone for zone in self.zone}
        return tuple(name for name, shape in shapes.items() if misses(shape, width, height))

    def scaled(self, x: float, y: float) -> Self:
        """Return the camera as it is drawn on a picture so many times as wide and as high."""

        def points(shape: tuple[float, ...]) -> tuple[float, ...]:
            return tuple(value * (y if index % 2 else x) for index, value in enumerate(shape))

        return self.model_copy(
            update={
                "line": tuple(line.model_copy(update={"line": points(line.line)}) for line in self.line),
                "zone": tuple(zone.model_copy(update={"zone": points(zone.zone)}) for zone in self.zone),
                "privacy": tuple(points(shape) for shape in self.privacy),
                "fire": self.fire.model_copy(update={"ignore": tuple(points(shape) for shape in self.fire.ignore)}),
                "person": self.person and self.person.scaled(y),
            }
        )
