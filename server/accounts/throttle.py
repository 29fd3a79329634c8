"""How often a login may be tried: five times a minute an account, and an address."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass, field

TRIES = 5
WITHIN_S = 60.0
REMEMBERED = 10_000  # names and addresses; the ones unused for longest are forgotten


@dataclass(slots=True)
class Throttle:
    """Remembers failures by monotonic time."""

    _tries: OrderedDict[str, deque[float]] = field(default_factory=OrderedDict[str, deque[float]])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def try_(self, now_s: float, *keys: str) -> float:
        """Count one try for each key; return 0, or for how many seconds there must be none."""
        with self._lock:
            wait_s = max((self._wait(key, now_s) for key in keys), default=0.0)
            if wait_s == 0.0:
                for key in keys:
                    self._tries[key].append(now_s)
            return wait_s

    def forget(self, *keys: str) -> None:
        """Start again, after a login that worked."""
        with self._lock:
            for key in keys:
                self._tries.pop(key, None)

    def _wait(self, key: str, now_s: float) -> float:
        tries = self._tries.setdefault(key, deque(maxlen=TRIES))
        self._tries.move_to_end(key)
        while len(self._tries) > REMEMBERED:
            self._tries.popitem(last=False)
        while tries and now_s - tries[0] >= WITHIN_S:
            tries.popleft()
        return WITHIN_S - (now_s - tries[0]) if len(tries) == TRIES else 0.0
