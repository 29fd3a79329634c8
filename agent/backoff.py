"""Waiting between tries, and for an answer: longer each time, from the start again after a success."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

DELAYS_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_BEAT_S = 1.0


class Patience:
    """How long a silence is borne. Who calls anew into an overload makes it last; a thousand do so together."""

    def __init__(self, first_s: float, most_s: float) -> None:
        self._first_s = self._s = first_s
        self._most_s = most_s

    def is_over(self, silent_s: float, least_s: float = 0.0) -> bool:
        """Tell whether it was silent for too long, at least for `least_s`; the next silence may be twice as long."""
        if silent_s <= max(self._s, least_s):
            return False
        self._s = min(2 * self._s, self._most_s)
        return True

    def reset(self) -> None:
        """An answer: be as impatient as at first."""
        self._s = self._first_s


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
