"""How large people are in this picture, and whether they are seen from the side or from above; learned by watching."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detectors.tracks import Track

SMALL = 0.12  # of the usual area: a child far away still is, a leaf or a sleeve is not
SIDE = (1.5, 2.3)  # height over width: people from above are below the first, standing people beyond the second
FORGET_S = 600.0  # half of what was learned
FINE = 4.0  # bins per octave of area, and bins per unit of height over width


class Stature:
    """Two histograms, weighted by area, so that much clutter weighs less than a few people."""

    def __init__(self) -> None:
        self._areas = np.zeros(int(28 * FINE))  # up to 2 ** 28 pixels
        self._shapes = np.zeros(int(6 * FINE))
        self._shapes[int(np.mean(SIDE) * FINE)] = 1.0
        self._at: float | None = None

    def observe(self, tracks: Sequence[Track], at: float) -> None:
        """Learn from those who went somewhere."""
        elapsed = 0.0 if self._at is None else at - self._at
        self._at = at
        keep = 0.5 ** (elapsed / FORGET_S)
        self._areas *= keep
        self._shapes *= keep
        for track in tracks:
            if track.proven and not track.merged and track.seen_at == at:
                width, height = track.size
                area = max(float(width * height), 1.0)
                self._areas[min(int(np.log2(area) * FINE), len(self._areas) - 1)] += area
                self._shapes[min(int(height / max(width, 1.0) * FINE), len(self._shapes) - 1)] += area

    @property
    def area(self) -> float:
        """Usual area of a person's box, square pixels; 0 while nothing is known."""
        if not self._areas.any():
            return 0.0
        return float(2.0 ** ((_middle(self._areas) + 0.5) / FINE))

    @property
    def upright(self) -> float:
        """0: seen from above, 1: seen from the side."""
        shape = (_middle(self._shapes) + 0.5) / FINE
        return float(np.clip((shape - SIDE[0]) / (SIDE[1] - SIDE[0]), 0, 1))

    def plausible(self, track: Track) -> bool:
        """Whether the track is large enough for a person."""
        return track.area >= SMALL * self.area


def _middle(weights: NDArray[np.float64]) -> int:
    """Index of the weighted median."""
    total = np.cumsum(weights)
    return int((total < total[-1] / 2).sum())
