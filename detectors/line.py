"""Count people across a line: proven tracks, a hysteresis band, the time when the line itself was crossed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from contracts.vocabulary import Direction
from detectors.findings import Crossing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.people.stature import Stature
    from detectors.tracks import Track, Vector

BAND = 0.25  # of a person's size on either side: who stands on the line sways less
SEVERAL = 1.8  # times the usual size: more than one may walk in this blob
MERGED = 0.6  # quality of a crossing within a blob of several
NEAR = 0.7  # of a person's size: a track that begins where another was lost
NEW_S = 0.5  # at most so long after it was lost
EDGE = 0.1  # of a person's size beyond the line's ends still counts


@dataclass(slots=True)
class _Side:
    """What is known of one track and the line."""

    settled: int  # -1 or 1: last side beyond the band; 0 while unknown
    last: float  # last signed distance, pixels
    last_at: float
    crossed_at: float | None  # when it last changed its sign
    along: float  # where along the line, 0..1, at that time
    place: Vector  # where it was last seen, x y
    began: Vector  # where it was first seen


class LineCounter:
    """Tracks in, crossings out. It forgets a track with the tracker."""

    def __init__(self, line: str, ends: tuple[float, float, float, float]) -> None:
        self._line = line
        self._start = np.array(ends[:2], np.float64)
        along = np.array(ends[2:], np.float64) - self._start
        self._length = float(np.hypot(*along))
        self._along = along / self._length
        self._normal = np.array((-self._along[1], self._along[0]), np.float64)
        self._sides: dict[int, _Side] = {}
        self._lost: dict[int, float] = {}  # tracks that are waited for, and when they were last seen

    def update(self, tracks: Sequence[Track], stature: Stature) -> list[Crossing]:
        """Take the tracks of one picture; return who crossed."""
        self._lost = {track.id: track.seen_at for track in tracks if track.seen_at != track.at}
        found = [crossing for track in tracks if (crossing := self._follow(track, stature))]
        living = {track.id for track in tracks}
        self._sides = {k: v for k, v in self._sides.items() if k in living}
        return found

    def direction(self, side: int) -> Direction:
        """Direction in the picture of a motion towards `side`."""
        x, y = self._normal * side
        if abs(x) >= abs(y):
            return Direction.RIGHT if x > 0 else Direction.LEFT
        return Direction.DOWN if y > 0 else Direction.UP

    def _follow(self, track: Track, stature: Stature) -> Crossing | None:
        if track.seen_at != track.at:
            return None
        offset = stature.anchor(track) - self._start
        distance, along = float(offset @ self._normal), float(offset @ self._along)
        size = float(np.sqrt(max(track.size.prod(), 1.0)))
        side = self._sides.get(track.id)
        if side is None:
            side = self._sides[track.id] = _Side(0, distance, track.at, None, along, offset, offset)
        if (distance > 0) != (side.last > 0):
            share = side.last / (side.last - distance)
            side.crossed_at = side.last_at + share * (track.at - side.last_at)
            side.along = along
        side.last, side.last_at = distance, track.at
        side.place = offset
        if side.settled == 0 and abs(distance) >= BAND * size:
            side.settled = self._came_from(track, side, 1 if distance > 0 else -1, size)
        if abs(distance) < BAND * size or not track.proven:
            return None
        now = 1 if distance > 0 else -1
        before, side.settled = side.settled, now
        if before in {0, now} or side.crossed_at is None or not stature.plausible(track):
            return None
        if not -EDGE * size <= side.along <= self._length + EDGE * size:
            return None
        people = track.area / stature.area
        if not track.merged and people < SEVERAL:
            return Crossing(self._line, self.direction(now), side.crossed_at)
        low, high = (0.0 if track.merged else 1.0), float(max(2, round(people)))
        return Crossing(self._line, self.direction(now), side.crossed_at, low=low, high=high, quality=MERGED)

    def _came_from(self, track: Track, side: _Side, now: int, size: float) -> int:
        """Return the side a track that settles first came from: that of one lost where this one began, else its own.

        Two who pass each other on the line hide one another, and the one who comes out again may be a track of his own.
        """
        if track.first_at == track.at:
            return now
        for number, seen_at in self._lost.items():
            other = self._sides.get(number)
            if other is None or other.settled != -now or seen_at < track.first_at - NEW_S:
                continue
            if float(np.hypot(*(other.place - side.began))) < NEAR * size:
                other.settled = 0
                side.crossed_at = track.first_at if side.crossed_at is None else side.crossed_at
                return -now
        return now
