"""The picture of half a second ago, and where everybody was in it: to be laid upon what is seen now."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from detectors.people import Mask
    from detectors.tracks import Vector

APART_S = (0.25, 0.6)  # two pictures are compared that are so far apart: a step lies between them


class Past:
    """Pictures and boxes in; those to compare with out: the oldest that are near enough, or the `latest` far enough."""

    def __init__(self, *, latest: bool = False) -> None:
        self._latest = latest
        self._kept: deque[tuple[float, Mask, Mapping[int, Vector]]] = deque(maxlen=32)

    def before(self, picture: Mask, boxes: Mapping[int, Vector], at: float) -> tuple[Mask, Mapping[int, Vector]]:
        """Return the picture to compare this one with, and the boxes in it by track: none without a picture."""
        kept = self._kept
        while kept and not 0 <= at - kept[0][0] <= APART_S[1]:
            kept.popleft()
        while self._latest and len(kept) > 1 and at - kept[1][0] >= APART_S[0]:
            kept.popleft()
        found: tuple[Mask, Mapping[int, Vector]] = picture, {}
        if kept and at - kept[0][0] >= APART_S[0] and kept[0][1].shape == picture.shape:
            found = kept[0][1:]
        kept.append((at, picture, boxes))
        return found


def whole_pixels(box: Vector, picture: Mask) -> tuple[int, int, int, int]:
    """Return the box in whole pixels, x1 y1 x2 y2, as far as it lies in the picture."""
    height, width = picture.shape
    x1, y1, x2, y2 = (int(v) for v in np.clip(np.round(box), 0, (width, height, width, height)))
    return x1, y1, x2, y2
