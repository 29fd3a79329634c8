"""How often a login may be tried: five times, then a lock that doubles with every further five tries."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

TRIES = 5
TRIES_ANYWHERE = 50  # of one name from all addresses: a laptop can have as many addresses as it likes
AT_ONCE = 3
WAITING = 6  # more are sent away at once: each holds one of the threads that serve every page
TURN_S = 3.0  # how long a login waits for its turn to be checked
FIRST_S, LONGEST_S = 60.0, 900.0  # longer would shut out a whole school behind one address
QUIET_S = 3600.0  # after a lock has passed and nobody tried for so long, it begins anew
REMEMBERED = 10_000  # names and addresses; the ones unused for longest are forgotten


@dataclass(slots=True)
class _Count:
    failed: int = 0
    first_s: float = 0.0
    last_s: float = 0.0
    locked_until_s: float = 0.0
    locks: int = 0


@dataclass(slots=True)
class Throttle:
    """Remembers tries by monotonic time."""

    tries: int = TRIES
    _counts: OrderedDict[str, _Count] = field(default_factory=OrderedDict[str, _Count])
    _lock: threading.Lock = field(default_factory=threading.Lock)
    hashing: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(AT_ONCE))
    """Held while a password is checked: each check takes 64 MiB, and guesses from many addresses would take all."""
    _room: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(AT_ONCE + WAITING))

    @contextmanager
    def turn(self) -> Generator[bool]:
        """Wait for a turn to check a password; give False where too many wait, or it did not come."""
        if not self._room.acquire(blocking=False):
            yield False
            return
        try:
            mine = self.hashing.acquire(timeout=TURN_S)
            try:
                yield mine
            finally:
                if mine:
                    self.hashing.release()
        finally:
            self._room.release()

    def try_(self, now_s: float, *keys: str) -> float:
        """Count one try for each key; return 0, or for how many seconds there must be none."""
        with self._lock:
            counts = [self._count(key, now_s) for key in keys]
            wait_s = max((count.locked_until_s - now_s for count in counts), default=0.0)
            if wait_s > 0:
                return wait_s
            for count in counts:
                if count.failed == 0:
                    count.first_s = now_s
                count.failed, count.last_s = count.failed + 1, now_s
                if count.failed >= self.tries:
                    self._close(count, now_s)
            return 0.0

    def forget(self, *keys: str) -> None:
        """Start again, after a login that worked."""
        with self._lock:
            for key in keys:
                self._counts.pop(key, None)

    @staticmethod
    def _close(count: _Count, now_s: float) -> None:
        """Let nobody try for a time that doubles; the try that was counted last is still answered."""
        held_s = min(LONGEST_S, FIRST_S * 2**count.locks)
        # The first lock counts from the first try: five a minute is what a person who mistypes needs.
        begun_s = count.first_s if count.locks == 0 else now_s
        count.locked_until_s = begun_s + held_s
        count.locks += 1
        count.failed = 0

    def _count(self, key: str, now_s: float) -> _Count:
        count = self._counts.setdefault(key, _Count())
        self._counts.move_to_end(key)
        while len(self._counts) > REMEMBERED:
            self._counts.popitem(last=False)
        over_s = max(count.locked_until_s, count.last_s)
        if count.last_s and now_s - over_s >= QUIET_S:
            self._counts[key] = count = _Count()
        elif count.failed and now_s - count.last_s >= FIRST_S and count.locks == 0:
            count.failed = 0
        return count
