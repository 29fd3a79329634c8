"""Windows over the recent past, of bounded size at any sampling rate."""

from __future__ import annotations

import math
from collections import deque

PARTS = 60


class RecentLow:
    """The lowest of the last `span_s` seconds of a quantity, each value being the middle of three.

    The middle of three keeps one odd low value from looking like a rise for a whole window; `smooth_s` is the time
    constant of a mean over them, which keeps noise from doing so where the rise asked for is a small one.
    """

    def __init__(self, span_s: float, smooth_s: float = 0.0) -> None:
        self._span_s = span_s
        self._smooth_s = smooth_s
        self._mean: tuple[float, float] | None = None  # at, value
        self._three: deque[tuple[float, float]] = deque(maxlen=3)
        self._lows: deque[tuple[float, float]] = deque(maxlen=2 * PARTS)  # (at, value), values rising

    def clear(self) -> None:
        """Forget all."""
        self._three.clear()
        self._lows.clear()
        self._mean = None

    def rise(self, value: float, at: float) -> float | None:
        """Take a value; return how far it stands above the lowest, None before three values are known."""
        if self._three and at < self._three[-1][0]:
            self.clear()
        self._three.append((at, value))
        if len(self._three) < 3:
            return None
        middle = sorted(part[1] for part in self._three)[1]
        self._push(self._three[1][0], self._smoothed(self._three[1][0], middle))
        while len(self._lows) > 1 and at - self._lows[0][0] > self._span_s:
            self._lows.popleft()
        lowest_at, lowest = self._lows[0]
        return value - lowest if at - lowest_at <= self._span_s else 0.0

    def _smoothed(self, at: float, value: float) -> float:
        if self._smooth_s > 0 and self._mean is not None:
            before, mean = self._mean
            value = mean + (value - mean) * (1.0 - math.exp((before - at) / self._smooth_s))
        self._mean = (at, value)
        return value

    def _push(self, at: float, value: float) -> None:
        while self._lows and self._lows[-1][1] >= value:
            self._lows.pop()
        if not self._lows or at - self._lows[-1][0] >= self._span_s / PARTS:
            self._lows.append((at, value))
