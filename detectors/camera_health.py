"""Whether a camera can see: black, covered, blurred, moved, frozen, blinded, too dark, too slow, or gone.

The main stream that stands in for the small one is a fault as well: it costs more, and nobody would mend the small one.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import cv2
import numpy as np

from contracts.vocabulary import Hazard, Severity
from detectors.findings import Event
from detectors.ranks import ranked

if TYPE_CHECKING:
    from cv2.typing import MatLike
    from numpy.typing import NDArray

    from drivers.samples import Frame

    Grey = NDArray[np.float64]

SIZE = (96, 54)  # pixels; enough for edges of walls and doors
FINE = (384, 216)  # pixels; a lens out of focus loses what is finer than the above
CELL = 24  # of these
RISE_S = 600.0  # cars and people bring edges of their own: the place itself has fewer,
FALL_S = 6.0  # and shows them when they are gone
STEEP = 0.67  # of the cells have less steep edges than the third that is judged by
BLURRED = 0.5  # of the usual steepness of edges
LOOK_S = 0.5
ON_S = 5.0  # a state that lasts this long is a fault: a person before the lens does not
OFF_S = 2.0
FROZEN_S = 6.0  # a sensor's noise never repeats a picture exactly
LEARN_S = 60.0  # how slowly the usual sharpness and the usual edges follow the seasons
KNOWN_S = 10.0  # they are believed after this long


class CameraHealth:
    """Pictures in, faults of the camera out: one at a time, each with its start and end."""

    def __init__(self, camera: str, frames_per_s: float) -> None:
        self._camera = camera
        self._least_rate = min(5.0, frames_per_s / 2)
        self._looked = -1.0
        self._times: deque[float] = deque(maxlen=64)
        self._last: Grey | None = None
        self._same_since: float | None = None
        self._focus: Grey | None = None
        self._edges: Grey | None = None
        self._learned_s = 0.0
        self._suspect = ""
        self._since = 0.0
        self._told: str | None = None

    def look(self, frame: Frame) -> list[Event]:
        """Take a picture; return a fault that began or ended."""
        self._times.append(frame.at)
        if 0 <= frame.at - self._looked < LOOK_S:
            return []
        elapsed, self._looked = frame.at - self._looked, frame.at
        fine = cv2.cvtColor(cv2.resize(frame.image, FINE, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
        small = cv2.resize(fine, SIZE, interpolation=cv2.INTER_AREA)
        trouble = self._trouble(small.astype(np.float64), _focus(fine), frame.at, min(elapsed, 1.0))
        trouble = trouble or ("main-stream" if frame.standing_in else "")
        return self._judge(trouble, frame.at)

    def lost(self, at: float) -> list[Event]:
        """No picture comes: the source has said so after its own time-out."""
        self._times.clear()
        self._suspect, self._since = "lost", at - ON_S
        return self._judge("lost", at)

    def _trouble(self, grey: Grey, focus: Grey, at: float, elapsed: float) -> str:
        """Name what is wrong with this picture; empty when nothing is."""
        edges = np.hypot(cv2.Sobel(grey, cv2.CV_64F, 1, 0), cv2.Sobel(grey, cv2.CV_64F, 0, 1))
        sharp = float(edges.mean())
        same = self._last is not None and bool((self._last == grey).all())
        self._last = grey
        self._same_since = (self._same_since if self._same_since is not None else at) if same else None
        frozen = self._same_since is not None and at - self._same_since >= FROZEN_S - ON_S
        trouble = _blind(grey, sharp) or ("frozen" if frozen else self._turned(edges, focus))
        if trouble:
            return trouble
        self._learn(edges, focus, elapsed)
        return "slow" if self._rate(at) < self._least_rate else ""

    def _turned(self, edges: Grey, focus: Grey) -> str:
        """Compare with the usual view."""
        if self._edges is None or self._focus is None or self._learned_s < KNOWN_S:
            return ""
        if _steepest(focus) < BLURRED * _steepest(self._focus):
            return "out-of-focus"
        return "moved" if _likeness(edges, self._edges) < 0.25 else ""

    def _learn(self, edges: Grey, focus: Grey, elapsed: float) -> None:
        self._learned_s += elapsed
        share = elapsed / min(self._learned_s, LEARN_S)
        usual = focus if self._focus is None else self._focus
        pace = np.where(focus < usual, elapsed / FALL_S, elapsed / RISE_S)
        self._focus = usual + np.minimum(1.0, pace) * (focus - usual)
        self._edges = edges if self._edges is None else self._edges + share * (edges - self._edges)

    def _rate(self, at: float) -> float:
        """Pictures a second over the last five seconds; fast while that is not known."""
        recent = [t for t in self._times if at - t <= ON_S]
        if len(self._times) < 3 or at - self._times[0] < ON_S:
            return 1000.0
        return len(recent) / ON_S

    def _judge(self, trouble: str, at: float) -> list[Event]:
        if trouble != self._suspect:
            self._suspect, self._since = trouble, at
        lasted = at - self._since
        if trouble == (self._told or "") and self._told is not None:
            return []
        if trouble and lasted >= ON_S:
            ended = [self._event(self._told, active=False, at=at)] if self._told else []
            self._told = trouble
            return [*ended, self._event(trouble, active=True, at=at)]
        if not trouble and lasted >= OFF_S:
            reason, self._told = self._told or "normal", ""
            if reason == "moved":
                self._learned_s, self._edges, self._focus = 0.0, None, None
            return [self._event(reason, active=False, at=at)]
        if self._told == "moved" and lasted > LEARN_S:  # someone turned it on purpose: this is its view now
            self._learned_s, self._edges, self._focus = 0.0, None, None
        return []

    def _event(self, reason: str, *, active: bool, at: float) -> Event:
        return Event(self._camera, Hazard.FAULT, active, Severity.FAULT, f"camera-{reason}" if active else "normal", at)


def _blind(grey: Grey, sharp: float) -> str:
    """Name what makes this single picture useless."""
    mean = grey.mean()
    if mean < 10:
        return "black"
    if (grey > 245).mean() > 0.6:
        return "over-exposed"
    if mean < 18:
        return "too-dark"
    return "covered" if sharp < 4.0 else ""  # a wall of one colour has no edges at all


def _focus(grey: MatLike) -> Grey:
    """Return how steep the steepest edge of each cell is."""
    slope = cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    rows, columns = FINE[1] // CELL, FINE[0] // CELL
    cells: Grey = slope.reshape(rows, CELL, columns, CELL).max(axis=(1, 3)).astype(np.float64)
    return cells


def _steepest(focus: Grey) -> float:
    """Return the mean of the steepest third of the cells, wherever they are: a camera that was turned has as many."""
    return float(focus[focus >= ranked(focus, STEEP)].mean())


def _likeness(a: Grey, b: Grey) -> float:
    """Correlation of two edge pictures, -1..1."""
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / max(float(np.sqrt((a * a).sum() * (b * b).sum())), 1e-9))
