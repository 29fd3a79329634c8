"""Samples: what drivers hand to detectors. Time is `at`, monotonic seconds of this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Value = float | bool | str


@dataclass(frozen=True, slots=True)
class Reading:
    """A value of one point at an instant, in the point's unit."""

    point: str
    value: Value
    at: float  # monotonic seconds (time.monotonic, or the kernel's stamp); a recording's own seconds in a replay
    utc: float  # UTC seconds since 1970 by this machine's clock, for calendars only, never for durations


@dataclass(frozen=True, slots=True)
class Silence:
    """A point that did not answer, and why. A fault: never an alarm, never normal."""

    point: str
    reason: str  # machine word first: 'timeout', 'crc', 'unplugged', 'wrong-unit', 'special-code', …
    at: float
    utc: float


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went on: sent to every detector of a worker about once a second, so that delays end without a sample."""

    at: float
    utc: float


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A picture; it never leaves the process."""

    camera: str
    image: NDArray[np.uint8]  # (height, width, 3), BGR
    at: float
    utc: float
    index: int = 0
    drawn_on: tuple[int, int] | None = None  # width and height of the picture that coordinates are of; None: this one's
    standing_in: bool = False  # of the main stream, because the small one that should be looked at gives nothing


Sample = Reading | Silence | Tick | Frame
