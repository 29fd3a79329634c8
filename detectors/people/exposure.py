"""Follow the camera's automatic exposure, so that a brighter picture is not taken for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.people import Picture

CELLS = (40, 24)  # the picture is judged by this many cells, wide by high
STEP = 0.02  # of the logarithm of brightness: 2 %, hardly visible
SMOOTH = np.array([1.0, 2.0, 3.0, 2.0, 1.0])


class Exposure:
    """The change of brightness that most of the picture agrees on; whoever stands in it does not count."""

    def __init__(self) -> None:
        self._place: NDArray[np.float64] | None = None
        self.shift = 0.0
        """Logarithm of brightness now over brightness when learned."""

    def learn(self, place: Picture) -> None:
        """Take the empty place as it is known now."""
        self._place = _cells(place)

    def level(self, picture: Picture) -> Picture:
        """Return the picture as bright as the place was."""
        if self._place is None:
            return picture
        cells = _cells(picture)
        told = (self._place > 12) & (self._place < 240) & (cells < 245) & (cells > 5)
        if told.mean() < 0.2:
            return picture
        ratio = np.log((cells[told] + 2) / (self._place[told] + 2))
        votes, edges = np.histogram(ratio, bins=100, range=(-100 * STEP / 2, 100 * STEP / 2))
        peak = int(np.convolve(votes, SMOOTH, "same").argmax())
        self.shift += 0.5 * ((edges[peak] + edges[peak + 1]) / 2 - self.shift)
        if abs(self.shift) < STEP:
            return picture
        return cv2.convertScaleAbs(picture, alpha=float(np.exp(-self.shift)))


def _cells(picture: Picture) -> NDArray[np.float64]:
    return cv2.resize(picture, CELLS, interpolation=cv2.INTER_AREA).mean(axis=2)
