"""Smoke by lost contrast and colour that spreads upwards and stays: an advisory, never an alarm by itself."""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

from contracts.vocabulary import Hazard, Severity
from detectors.findings import Event

if TYPE_CHECKING:
    from cv2.typing import MatLike
    from numpy.typing import NDArray

    from config.cameras import FireSection

    Cells = NDArray[np.float64]

SIZE = (320, 180)
CELL = 10  # pixels
LOOK_S = 0.5
KNOWN_S = 10.0  # the place is believed to be known after this long
LEARN_S = 120.0  # and follows the day this slowly
CONTRAST = 6.0  # edges of a cell, grey levels: a plain wall has nothing that smoke could hide
VEILED = 0.6  # of the usual edges are left behind smoke
GREY = 0.75  # of the usual colour is left
STILL = 0.5  # cells that change more than this from look to look, of their distance to the place, are no veil
AGE = 6  # looks in which a cell stays veiled: who walks by, and the sun on waves, are gone sooner
LEAST = 0.02  # share of the picture
MOST = 0.6  # more than this at once is fog, a lamp or a hand before the lens
GROWTH = 1.3  # within the window
WINDOW_S = 6.0
STEPS = 5  # looks within it at which it became larger
ON_S = 4.0
OFF_S = 10.0


class SmokeWatch:
    """Pictures in, advisories out."""

    def __init__(self, camera: str, section: FireSection) -> None:
        self._camera = camera
        self.section = section
        """What to ignore; laid anew onto a picture of another size."""
        self._place: Cells | None = None  # (rows, columns, 2): edges and colour of the place without smoke
        self._before: Cells | None = None
        self._ages: NDArray[np.int64] = np.zeros((1, 1), np.int64)
        self._known_s = 0.0
        self._looked = -LOOK_S
        self._past: deque[tuple[float, float, float]] = deque()  # at, share, top
        self._since: float | None = None
        self._seen = 0.0
        self._active = False

    def look(self, picture: MatLike, at: float) -> list[Event]:
        """Take a picture; return an advisory that began or ended."""
        elapsed = at - self._looked
        if 0 <= elapsed < LOOK_S:
            return []
        self._looked = at
        now = self._measure(picture)
        before, self._before = self._before, now
        if self._place is None or before is None or self._place.shape != now.shape:
            self._place, self._known_s = now, 0.0
            return []
        veil = veiled(self._place, before, now)
        share = float(veil.mean())
        if share > MOST:  # the whole picture is another: learn it anew
            self._place, self._known_s = now, 0.0
            self._past.clear()
            return self._judge(at, smokes=False)
        self._learn(now, veil, min(elapsed, 1.0))
        if self._known_s < KNOWN_S:
            return []
        self._ages = np.where(veil, self._ages + 1, 0) if self._ages.shape == veil.shape else veil.astype(np.int64)
        lasting = self._ages >= AGE
        return self._judge(at, smokes=self._rises(lasting, float(lasting.mean()), at))

    def _measure(self, picture: MatLike) -> Cells:
        """Return each cell's edges and colour, (rows, columns, 2)."""
        small = cv2.resize(picture, SIZE, interpolation=cv2.INTER_AREA)
        x, y = SIZE[0] / picture.shape[1], SIZE[1] / picture.shape[0]
        for polygon in self.section.ignore:
            corners = (np.asarray(polygon, float).reshape(-1, 2) * (x, y)).astype(np.int32)
            cv2.fillPoly(small, [corners], (0, 0, 0))
        grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32)
        edges = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)) / 4
        colour = small.max(axis=2).astype(np.float32) - small.min(axis=2)
        return np.dstack([cv2.resize(p, (SIZE[0] // CELL, SIZE[1] // CELL), interpolation=cv2.INTER_AREA)
                          for p in (edges, colour)]).astype(np.float64)  # fmt: skip

    def _learn(self, now: Cells, veil: NDArray[np.bool_], elapsed: float) -> None:
        self._known_s += elapsed
        share = elapsed / min(self._known_s, LEARN_S)
        if self._place is not None:
            self._place = np.where(veil[..., None], self._place, self._place + share * (now - self._place))

    def _rises(self, veil: NDArray[np.bool_], share: float, at: float) -> bool:
        """Whether the veil is large enough, and has grown upwards since it was first seen."""
        rows = np.nonzero(veil.any(axis=1))[0]
        self._past.append((at, share, float(rows[0]) if len(rows) else float(len(veil))))
        while self._past and at - self._past[0][0] > WINDOW_S:
            self._past.popleft()
        if share < LEAST:
            return False
        if self._since is not None:
            return True  # once it rose it need not rise for ever: a room fills and stays full
        _, small, low = min(self._past, key=lambda one: one[1])
        shares = [one[1] for one in self._past]
        steps = sum(b > a for a, b in pairwise(shares))  # a person or a car is there at once
        return steps >= STEPS and share >= GROWTH * max(small, LEAST / 2) and self._past[-1][2] < low

    def _judge(self, at: float, *, smokes: bool) -> list[Event]:
        if smokes:
            self._seen = at
            self._since = at if self._since is None else self._since
            if not self._active and at - self._since >= ON_S:
                self._active = True
                return [self._event(active=True, at=at)]
        elif self._since is not None and at - self._seen > (OFF_S if self._active else 1.0):
            self._since = None
            if self._active:
                self._active = False
                return [self._event(active=False, at=at)]
        return []

    def _event(self, *, active: bool, at: float) -> Event:
        reason = "veil" if active else "normal"
        return Event(self._camera, Hazard.SMOKE, active, Severity.ADVISORY, reason, at)


def veiled(place: Cells, before: Cells, now: Cells) -> NDArray[np.bool_]:
    """Whether each cell lost edges and colour without becoming something else: who walks by brings edges of his own."""
    edges, colour = place[..., 0], place[..., 1]
    faded = (edges > CONTRAST) & (now[..., 0] < VEILED * edges)
    greyer = now[..., 1] < np.maximum(GREY * colour, 12.0)
    gone = np.maximum(edges - now[..., 0], 1e-6)
    calm = np.abs(now[..., 0] - before[..., 0]) < STILL * gone
    veil = (faded & greyer & calm).astype(np.uint8)
    return cv2.morphologyEx(veil, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)) > 0
