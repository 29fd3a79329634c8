"""What this camera calls black, white and grey here: laid onto the same levels, colours can be judged by one rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from detectors.ranks import median, ranked

if TYPE_CHECKING:
    from cv2.typing import MatLike
    from numpy.typing import NDArray

    Levels3 = NDArray[np.float64]  # of blue, green and red

EVERY_S = 0.5
FOLLOW_S = 10.0  # slowly: a fire that lights up a room must not become what the room looks like
DARKEST, BRIGHTEST = 0.01, 0.995  # share of the values below: a few pixels decide nothing
WHITE = 250.0
MOST_BLACK = 60.0  # haze and a lifted black; more is a picture without anything dark in it
MOST_GAIN = 2.6  # beyond it noise would be stretched to colours
GREY = 0.4  # (most - least) / most of a pixel's colours: what a lamp or a wrong white balance tints
LEAST_GREY = 0.05  # of the picture, until its tint is believed
MOST_TINT = 0.25  # of the logarithm: a white balance is not further off


class Levels:
    """Pictures in, the same pictures out as a well set camera would have shown them."""

    def __init__(self) -> None:
        self._black = 0.0
        self._gain = 1.0
        self._tint: Levels3 = np.zeros(3)
        self._at: float | None = None
        self._table = np.arange(256, dtype=np.uint8)[:, None].repeat(3, axis=1)[None]

    def apply(self, picture: MatLike, at: float) -> MatLike:
        """Return the picture with its own black, white and grey where they belong."""
        if self._at is None or not 0 <= at - self._at < EVERY_S:
            self._learn(picture[::2, ::2], at)
        return cv2.LUT(picture, self._table)

    def _learn(self, sample: MatLike, at: float) -> None:
        share = 1.0 if self._at is None else min(1.0, abs(at - self._at) / FOLLOW_S)
        self._at = at
        pixels = sample.reshape(-1, 3).astype(np.float64)
        self._tint = self._tint + share * (_tint(pixels) - self._tint)
        # colours are only raised: what a camera shows as overdriven stays so
        colours = np.exp(self._tint.max() - self._tint)
        pixels *= colours
        black = min(ranked(pixels.min(axis=1), DARKEST), MOST_BLACK)
        white = ranked(pixels.max(axis=1), BRIGHTEST)
        gain = float(np.clip(WHITE / max(white - black, 1.0), 1.0, MOST_GAIN))
        self._black += share * (black - self._black)
        self._gain += share * (gain - self._gain)
        values = (np.arange(256.0)[:, None] * colours - self._black) * self._gain
        self._table = np.clip(values, 0, 255).astype(np.uint8)[None]


def _tint(pixels: NDArray[np.float64]) -> Levels3:
    """Logarithm of how much stronger each colour is than green where things are about grey."""
    most, least = pixels.max(axis=1), pixels.min(axis=1)
    grey = pixels[(most - least < GREY * most) & (most > 50) & (most < 250)]
    if len(grey) < LEAST_GREY * len(pixels):
        return np.zeros(3)
    stronger = np.log((grey + 1) / (grey[:, 1:2] + 1))
    return np.clip([median(colour) for colour in stronger.T], -MOST_TINT, MOST_TINT)
