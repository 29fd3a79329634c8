"""A serial device of many levels, which rise over their limits and fall again."""

from __future__ import annotations

import json
import os
import random
import threading
from pathlib import Path

POINTS = 40


class Device(threading.Thread):
    """A serial device of `POINTS` levels; every line lifts or lowers one of them over its limit."""

    def __init__(self, port: Path, rate: float, seed: int) -> None:
        super().__init__(name="device", daemon=True)
        self._port = port
        self.rate = rate
        self._random = random.Random(seed)
        self._stop_asked = threading.Event()
        self._high = [False] * POINTS
        self._all_to: list[bool] = []
        self._nonsense = b""

    def all_at_once(self, *, high: bool) -> None:
        """With the next line, lift or lower every point."""
        self._all_to = [high] * POINTS

    def as_it_is(self) -> None:
        """With the next line, say every point as it is."""
        self._all_to = self._high[:]

    def is_high(self, point: int) -> bool:
        """Whether a point is over its limit."""
        return self._high[point]

    def say(self, nonsense: bytes) -> None:
        """With the next line, send these bytes first."""
        self._nonsense = nonsense

    def run(self) -> None:
        """Speak until told to stop; a cable that is pulled is found again."""
        while not self._stop_asked.is_set():
            try:
                fd = os.open(self._port, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
            except OSError:  # the cable is out
                self._stop_asked.wait(0.1)
                continue
            try:
                self._speak(fd)
            except OSError:
                self._stop_asked.wait(0.1)
            finally:
                os.close(fd)

    def _speak(self, fd: int) -> None:
        while not self._stop_asked.wait(1 / self.rate if self.rate else 0.05):
            if self._all_to:
                self._high, self._all_to = self._all_to, []
                points = range(POINTS)
            elif self.rate:
                points = range(point := self._random.randrange(POINTS), point + 1)
                self._high[point] = not self._high[point]
            else:
                continue
            line = json.dumps({f"p{n:02d}": 90.0 if self._high[n] else 10.0 for n in points}) + "\n"
            nonsense, self._nonsense = self._nonsense, b""
            try:
                os.write(fd, nonsense + line.encode())
            except BlockingIOError:
                continue  # nobody reads: a device does not wait

    def stop(self) -> None:
        """Fall silent for good."""
        self._stop_asked.set()
        self.join(5)
