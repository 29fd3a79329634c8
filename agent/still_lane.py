"""Stills of alarms on their way: in memory alone, behind everything else, dropped and counted where they cannot go."""

from __future__ import annotations

import logging
import threading
from collections import deque

from contracts.messages import AlarmStill

log = logging.getLogger(__name__)

PLACES = 4
PATIENCE_S = 60.0  # later a still is no longer worth its way, and the server's minute of evidence is over


class StillLane:
    """A few places; the oldest gives way. Any thread may put one in or take one out."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, AlarmStill]] = deque()
        self._lock = threading.Lock()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, still: AlarmStill, now: float) -> None:
        """Put one in, at `now` monotonic seconds."""
        with self._lock:
            self._forget(now)
            if len(self._waiting) >= PLACES:
                self._drop()
            self._waiting.append((now, still))

    def take(self, now: float) -> AlarmStill | None:
        """Take the oldest that is still worth its way."""
        with self._lock:
            self._forget(now)
            return self._waiting.popleft()[1] if self._waiting else None

    def forget(self, now: float) -> None:
        """Drop what waited too long."""
        with self._lock:
            self._forget(now)

    def _forget(self, now: float) -> None:
        while self._waiting and now - self._waiting[0][0] > PATIENCE_S:
            self._drop()

    def _drop(self) -> None:
        _, still = self._waiting.popleft()
        self.dropped += 1
        log.log(
            logging.WARNING if self.dropped == 1 else logging.DEBUG,
            "%s: the still of an alarm could not be sent within %.0f s and is dropped; its event is not touched",
            still.camera,
            PATIENCE_S,
        )
