"""Who looked at what lately, so that a page that asks every few seconds is one line of the audit an hour."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

AGAIN_S = 3600.0
REMEMBERED = 10_000  # the ones longest ago are forgotten: they are then written once more

Look = tuple[str, str, str]
"""Who, what, of which."""


@dataclass(slots=True)
class Views:
    """Remembers looks by monotonic time. Safe between threads."""

    _at_s: OrderedDict[Look, float] = field(default_factory=OrderedDict[Look, float])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def is_new(self, look: Look, now_s: float) -> bool:
        """Tell whether this was not seen within the hour, and remember it."""
        with self._lock:
            if now_s - self._at_s.get(look, float("-inf")) < AGAIN_S:
                return False
            self._at_s[look] = now_s
            self._at_s.move_to_end(look)
            if len(self._at_s) > REMEMBERED:
                self._at_s.popitem(last=False)
            return True

    def forget(self, look: Look) -> None:
        """Let the next look be new: this one could not be written."""
        with self._lock:
            self._at_s.pop(look, None)
