"""People in a picture: one small interface, filled by a background model or by a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from cv2.typing import MatLike
    from numpy.typing import NDArray

    from detectors.people.background import Foreground

    Boxes = NDArray[np.float64]
    """(n, 4), x1 y1 x2 y2, pixels of the picture."""
    Picture = MatLike
    """(height, width, 3), BGR, 8 bit."""
    Mask = MatLike
    """(height, width), 0 or 255."""


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """The people in one picture."""

    boxes: Boxes
    scores: NDArray[np.float64]  # (n,), 0..1
    foreground: Foreground | None = None  # what differs from the empty place, from detectors that know it
    usable: bool = True  # False while the whole picture changes: nothing may be concluded from it


class PeopleDetector(Protocol):
    """Finds people, picture by picture."""

    def look_at(self, shapes: Sequence[tuple[float, ...]]) -> None:
        """Take the lines and zones that matter, x y x y …, pixels: told before the first picture and at each change."""
        ...

    def detect(self, picture: Picture, at: float, known: Boxes) -> People:
        """Return the people in `picture`, taken at `at` seconds; `known` are the boxes already followed."""
        ...

    def everybody(self, picture: Picture, at: float, known: Boxes) -> People:
        """Return whoever may be anywhere in `picture`, and all that differs from the empty place: to be hidden."""
        ...
