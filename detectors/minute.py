"""People a minute across a line, both ways, with an interval and how far it can be believed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from detectors.findings import Crossing

if TYPE_CHECKING:
    from contracts.vocabulary import Direction

MINUTE_S = 60.0
EVERY_S = 10.0
GAP_S = 1.0  # between pictures: longer is time in which nobody was seen
MOST = 10_000  # crossings within a minute


@dataclass(frozen=True, slots=True)
class Counted:
    """Who crossed a line within the last minute, one way."""

    point: str
    at: float  # monotonic seconds, end of that minute
    people: int
    low: float
    high: float
    quality: float  # 0..1: the mean of the crossings', times the share of the minute that was watched


@dataclass(slots=True)
class MinuteCounts:
    """Crossings and pictures in; every ten seconds the last minute out. A minute that was not watched is not told."""

    line: str
    out: Direction | None
    _crossings: deque[Crossing] = field(default_factory=lambda: deque[Crossing](maxlen=MOST))
    _watched: deque[tuple[float, float]] = field(default_factory=deque[tuple[float, float]])  # second, seconds seen
    _seen_at: float | None = None
    _told_at: float | None = None

    def crossed(self, crossing: Crossing) -> None:
        """Take a crossing of any line."""
        if crossing.line == self.line:
            self._crossings.append(crossing)

    def seen(self, at: float) -> None:
        """A picture was looked at."""
        passed = 0.0 if self._seen_at is None else at - self._seen_at
        self._seen_at = at
        if not 0 < passed <= GAP_S:
            return
        if self._watched and self._watched[-1][0] == at // 1:
            self._watched[-1] = (at // 1, self._watched[-1][1] + passed)
        else:
            self._watched.append((at // 1, passed))

    def due(self, at: float) -> list[Counted]:
        """Return the last minute when it is time to tell it: who went out, and who came in."""
        if self._told_at is not None and at - self._told_at < EVERY_S:
            return []
        self._told_at = at
        while self._watched and self._watched[0][0] <= at - MINUTE_S - 1:
            self._watched.popleft()
        while self._crossings and self._crossings[0].at <= at - MINUTE_S - EVERY_S:
            self._crossings.popleft()
        watched = min(1.0, sum(seconds for _, seconds in self._watched) / MINUTE_S)
        if watched == 0.0:
            return []
        recent = [crossing for crossing in self._crossings if at - MINUTE_S < crossing.at <= at]
        out = [crossing for crossing in recent if self.out in {None, crossing.direction}]
        told = [_counted(self.line, out, watched, at)]
        if self.out is not None:
            into = [crossing for crossing in recent if crossing.direction != self.out]
            told.append(_counted(inward(self.line), into, watched, at))
        return told


def inward(line: str) -> str:
    """Return the id of the point that tells who came in across a line; the line's own tells who went out."""
    return f"{line}-in"


def _counted(point: str, crossings: list[Crossing], watched: float, at: float) -> Counted:
    people = sum(c.count for c in crossings)
    low = sum(c.count if c.low is None else c.low for c in crossings)
    high = sum(c.count if c.high is None else c.high for c in crossings)
    quality = sum(c.quality * c.count for c in crossings) / people if people else 1.0
    return Counted(point, at, people, low, high, round(quality * watched, 2))
