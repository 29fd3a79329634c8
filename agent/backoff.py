"""Waiting between tries: longer each time, from the start again after a success."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

DELAYS_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_BEAT_S = 1.0


class Backoff:
    """The next pause."""

    def __init__(self, delays_s: tuple[float, ...] = DELAYS_S) -> None:
        self._delays_s = delays_s
        self._tries = 0

    def reset(self) -> None:
        """A success: start again with the shortest pause."""
        self._tries = 0

    def next_s(self) -> float:
        """The length of the next pause, in seconds."""
        delay = self._delays_s[min(self._tries, len(self._delays_s) - 1)]
        self._tries += 1
        return delay

    def wait(self, stop: threading.Event, beat: Callable[[], None], factor: float = 1.0) -> None:
        """Pause, beating all the while; return early when stopped."""
        end = time.monotonic() + self.next_s() * factor
        while (left := end - time.monotonic()) > 0 and not stop.wait(min(left, _BEAT_S)):
            beat()
