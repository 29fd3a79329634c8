"""The memory lane: readings on their way out, bounded; too many are thinned evenly and counted."""

from __future__ import annotations

import threading
from collections import deque

from contracts.messages import Reading


class ReadingLane:
    """Readings of many points, oldest first; the fullest point is thinned when there are more than `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._points: dict[str, deque[Reading]] = {}
        self._count = 0
        self._dropped = 0
        self._lock = threading.Lock()

    @property
    def dropped(self) -> int:
        """Readings thinned away since the start."""
        return self._dropped

    def __len__(self) -> int:
        return self._count

    def add(self, reading: Reading) -> None:
        """Take a reading in."""
        with self._lock:
            self._points.setdefault(reading.point, deque()).append(reading)
            self._count += 1
            if self._count > self._most:
                self._thin()

    def _thin(self) -> None:
        """Drop every second reading of the fullest point, but not its newest."""
        fullest = max(self._points.values(), key=len)
        kept = deque(reading for i, reading in enumerate(reversed(fullest)) if i % 2 == 0)
        kept.reverse()
        gone = len(fullest) - len(kept)
        if gone == 0:  # more points than room: the oldest of any goes
            fullest.popleft()
            gone = 1
        else:
            self._points[kept[0].point] = kept
        self._count -= gone
        self._dropped += gone

    def take(self, most: int) -> list[Reading]:
        """Remove and return up to `most` readings, in order within each point, evenly over the points."""
        taken: list[Reading] = []
        with self._lock:
            while self._points and len(taken) < most:
                for point in list(self._points):
                    queue = self._points[point]
                    if len(taken) == most:
                        break
                    if queue:
                        taken.append(queue.popleft())
                    if not queue:
                        del self._points[point]
            self._count -= len(taken)
        return taken
