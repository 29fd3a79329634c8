"""Flame by colour, motion, flicker and growth: an advisory, never an alarm by itself."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import cv2
import numpy as np

from contracts.vocabulary import Hazard, Severity
from detectors.findings import Event
from detectors.levels import Levels

if TYPE_CHECKING:
    from cv2.typing import MatLike
    from numpy.typing import NDArray

    from config.cameras import FireSection

    Cells = NDArray[np.float64]

AREA = 57_600  # pixels it works at
CELL = 8  # pixels: flame moves through cells, a lamp fills its own
WINDOW_S = 2.0  # flicker is judged over this
ON_S = 3.0  # and must last
OFF_S = 5.0
PAUSE_S = 2.0  # so long a small flame may hide
LEAST_CELLS = 2
HEAT_S = 1.2  # so long a flame stays about where it is; people, cars and glitter go on
STEADY_S = 120.0  # what showed a flame's colour without any flicker is a thing, and who passes it makes it flicker
AROUND = np.ones((3, 3), np.uint8)
LEAST_RATE = 6.0  # pictures a second: flames flicker at 1 to 10 Hz, slower pictures cannot show it
HOT = 225  # of 255: a flame overdrives the red of every camera somewhere


class FireWatch:
    """Pictures in, advisories out."""

    def __init__(self, camera: str, section: FireSection) -> None:
        self._camera = camera
        self.section = section
        """What to ignore; laid anew onto a picture of another size."""
        self._levels = Levels()
        self._heat: Cells = np.zeros((0, 0))  # seconds of burning in and around each cell
        self._steady: Cells = np.zeros((0, 0))  # seconds for which each cell is still known as a thing
        self._past: deque[tuple[float, Cells, Cells, NDArray[np.bool_]]] = deque()
        self._since: float | None = None
        self._seen = 0.0
        self._active = False

    def look(self, picture: MatLike, at: float) -> list[Event]:
        """Take a picture; return an advisory that began or ended."""
        small, scale = _shrink(picture)
        small = self._levels.apply(small, at)
        colour = flame_colour(small)
        if self.section.ignore:
            self._hide(colour, scale)
        share = _by_cells(colour) / 255.0
        light = _by_cells(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY))
        hot = _by_cells(cv2.bitwise_and(colour, cv2.inRange(small, (0, 0, HOT), (255, 255, 255)))) > 5
        if self._heat.shape != share.shape:
            self._past.clear()
            self._heat, self._steady = np.zeros_like(share), np.zeros_like(share)
        self._past.append((at, share, light, hot))
        while self._past and at - self._past[0][0] > WINDOW_S:
            self._past.popleft()
        if at - self._past[0][0] < WINDOW_S * 0.8 or len(self._past) < LEAST_RATE * WINDOW_S:
            return []
        return self._judge(at, burns=self._burns())

    def places(self, width: int, height: int) -> list[tuple[int, int, int, int]]:
        """Return where it burns or lately did, x1 y1 x2 y2 in pixels of a picture of this size."""
        hot = (self._heat > HEAT_S).astype(np.uint8)
        if not hot.any():
            return []
        _, _, stats, _ = cv2.connectedComponentsWithStats(hot, connectivity=8)
        wide, high = width / hot.shape[1], height / hot.shape[0]
        return [
            (round(x * wide), round(y * high), round((x + w) * wide), round((y + h) * high))
            for x, y, w, h in stats[1:, :4].tolist()
        ]

    def _burns(self) -> bool:
        """Whether enough cells flicker like a flame, and about one of them it has burned for a while."""
        elapsed = self._past[-1][0] - self._past[-2][0]
        shares = np.stack([share for _, share, _, _ in self._past])
        still = (shares.mean(axis=0) > 0.15) & (shares.std(axis=0) < 0.04)
        self._steady = np.where(still, STEADY_S, self._steady - elapsed)
        burning = self._flickering(shares) & (self._steady <= 0)
        around = cv2.dilate(burning.astype(np.uint8), AROUND) > 0
        self._heat = np.clip(self._heat + np.where(around, elapsed, -0.5 * elapsed), 0.0, 4 * HEAT_S)
        return int(burning.sum()) >= LEAST_CELLS and bool((self._heat[burning] > HEAT_S).any())

    def _flickering(self, shares: Cells) -> NDArray[np.bool_]:
        """Cells that flicker like a flame within the window."""
        lights = np.stack([light for _, _, light, _ in self._past])
        coloured = (shares > 0.15).mean(axis=0)
        moving = (np.abs(np.diff(lights, axis=0)) > 6).mean(axis=0)
        turns = (np.diff(np.sign(np.diff(shares, axis=0)), axis=0) != 0).mean(axis=0)
        hot = np.stack([hot for _, _, _, hot in self._past]).mean(axis=0)
        spread = shares.std(axis=0)
        return (coloured > 0.3) & (moving > 0.5) & (turns > 0.4) & (spread > 0.06) & (hot > 0.2)

    def _judge(self, at: float, *, burns: bool) -> list[Event]:
        if burns:
            self._seen = at
            if self._since is None:
                # more than half of the window had to burn for this look to say so
                self._since = at - WINDOW_S / 2 - HEAT_S
            if not self._active and at - self._since >= ON_S:
                self._active = True
                return [self._event(active=True, at=at)]
        elif self._since is not None and at - self._seen > (OFF_S if self._active else PAUSE_S):
            self._since = None
            if self._active:
                self._active = False
                return [self._event(active=False, at=at)]
        return []

    def _hide(self, mask: MatLike, scale: float) -> None:
        for polygon in self.section.ignore:
            corners = (np.asarray(polygon, float).reshape(-1, 2) * scale).astype(np.int32)
            cv2.fillPoly(mask, [corners], 0)

    def _event(self, *, active: bool, at: float) -> Event:
        reason = "colour-and-flicker" if active else "normal"
        return Event(self._camera, Hazard.FLAME, active, Severity.ADVISORY, reason, at)


def flame_colour(picture: MatLike) -> MatLike:
    """Mask (height, width) of pixels with the colour of a flame: red over green over blue, bright, not grey."""
    blue, green, red = (part.astype(np.int16) for part in cv2.split(picture))
    mask = (red > 150) & (red >= green) & (green > blue) & (red - blue > 50) & (green > 60)
    return mask.astype(np.uint8) * 255


def _shrink(picture: MatLike) -> tuple[MatLike, float]:
    height, width = picture.shape[:2]
    scale = min(1.0, (AREA / (height * width)) ** 0.5)
    size = (max(CELL, round(width * scale)), max(CELL, round(height * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA), scale


def _by_cells(plane: MatLike) -> Cells:
    height, width = plane.shape[:2]
    cells = (max(1, width // CELL), max(1, height // CELL))
    return cv2.resize(plane, cells, interpolation=cv2.INTER_AREA).astype(np.float64)
