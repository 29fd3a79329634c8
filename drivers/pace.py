"""Keep the pace of rounds without drift."""

from __future__ import annotations

import threading
import time


def next_due(due_s: float, now_s: float, every_s: float) -> float:
    """Return when the next picture is due after the one of now: a camera of just this rate loses none by jitter."""
    return max(due_s + every_s, now_s - every_s / 2)


class Pace:
    """A round every `every_s` seconds, from start to start; one that took too long is followed at once."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._due = 0.0

    def wait(self, closed: threading.Event) -> bool:
        """Wait at most a second for the next round; return whether it begins now."""
        left = self._due - time.monotonic()
        if left > 0 and closed.wait(min(left, 1.0)):
            return False
        clock = time.monotonic()
        if clock < self._due:
            return False
        self._due = max(self._due + self._every_s, clock)
        return True
