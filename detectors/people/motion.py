"""People by motion, without any weights: what differs from the empty place and is as large as a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.people import People
from detectors.people.background import Background
from detectors.people.blobs import boxes_of, clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.people import Boxes, Picture


class MotionPeople:
    """The default: a background model and its blobs."""

    def __init__(self) -> None:
        self._background = Background()

    def look_at(self, shapes: Sequence[tuple[float, ...]]) -> None:
        """Look at the whole picture: the model of the place is one."""

    def detect(self, picture: Picture, at: float, known: Boxes) -> People:
        """Return the blobs that are large enough for a person."""
        seen = self._background.foreground(picture, at, known)
        if not seen.usable:
            return People(np.zeros((0, 4), np.float64), np.zeros(0, np.float64), usable=False)
        boxes, areas = boxes_of(clean(seen.mask))
        fill = areas / np.maximum((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), 1.0)
        return People((boxes / seen.scale).astype(np.float64), np.clip(fill, 0, 1).astype(np.float64), seen)

    def everybody(self, picture: Picture, at: float, known: Boxes) -> People:
        """Return the same: all that differs is in it."""
        return self.detect(picture, at, known)
