"""Unsteady: a wire that is loose. Impossible steps that come again and again, until all has been steady for a while."""

from __future__ import annotations

from collections import deque

MINUTE_S = 60.0  # ISA-18.2: what comes three times in a minute chatters
INTERVALS = 10  # where a minute has fewer samples than this, so many samples


class Unsteady:
    """Chatters from the `often`th impossible step within a minute until none has come for `steady_s`."""

    def __init__(self, often: int, steady_s: float) -> None:
        self._steady_s = steady_s
        self._steps: deque[float] = deque(maxlen=often)
        self._interval_s = 0.0
        self._last_at: float | None = None
        self._chatters = False

    def update(self, at: float, *, leapt: bool) -> bool:
        """Take the time of a sample, and whether the value leapt there; return whether it chatters."""
        if self._last_at is not None and at > self._last_at:
            self._interval_s = at - self._last_at
        if self._last_at is not None and at < self._last_at - MINUTE_S:
            self._steps.clear()  # another clock: a recording that began anew
        self._last_at = at
        if leapt and self._steps.maxlen:
            self._steps.append(at)
        if not self._steps:
            self._chatters = False
        elif not self._chatters:
            often = len(self._steps) == self._steps.maxlen
            self._chatters = often and at - self._steps[0] <= self._at_least(MINUTE_S)
        elif at - self._steps[-1] >= self._at_least(self._steady_s):
            self._steps.clear()
            self._chatters = False
        return self._chatters

    def _at_least(self, seconds: float) -> float:
        return max(seconds, INTERVALS * self._interval_s)
