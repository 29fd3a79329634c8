"""Anomaly without a limit: has a slow quantity left its usual course? Online, robust, of bounded memory.

Three small estimators, each O(1) a sample: the usual value at this hour of the day (a clipped running mean a bucket),
the usual size of a residual (a clipped running mean of its absolute value), and a two-sided CUSUM (Page 1954) of the
standardized residual, which adds up small lasting departures and forgets single ones. Clipping (Huber 1964) keeps an
anomaly from being learned at once.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime

from contracts.vocabulary import Hazard, Severity
from detectors.alarm import Alarm, Claim
from detectors.findings import Event
from detectors.values import number
from drivers.samples import Value

BUCKETS = 24
LEARN_S = 3 * 86400.0  # three days before it says anything
CLIP = 3.0  # residuals beyond three usual ones teach no more than three
ALLOWANCE = 1.0  # CUSUM's k, for shifts of two standard deviations: smaller ones are weather
DECISION = 8.0  # CUSUM's h
HALF_LIFE_S = 14 * 86400.0  # what is usual follows the season
QUIET_S = 86400.0  # a whole day as usual ends it


class Course:
    """The usual course of one quantity; gives every value a score, 0 usual to 1 surely not."""

    def __init__(self, utc_offset_s: float = 8 * 3600.0, half_life_s: float = HALF_LIFE_S) -> None:
        self._offset_s = utc_offset_s
        self._half_life_s = half_life_s
        self._usual = [0.0] * BUCKETS
        self._seen = [0] * BUCKETS
        self._spread = 0.0
        self._drift = 0.0  # slow residual, to tell a shift of level from noise
        self._high = 0.0
        self._low = 0.0
        self._started: float | None = None
        self._last: float | None = None

    def score(self, value: float, at: float, utc: float) -> float:
        """Take a value; return how far from usual the last while has been, 0 to 1."""
        bucket = _hour((utc if math.isfinite(utc) else at) + self._offset_s)
        passed = 0.0 if self._last is None else min(max(at - self._last, 0.0), 3600.0)
        self._started = at if self._started is None else self._started
        self._last = at
        known = self._seen[bucket]
        residual = value - self._usual[bucket] if known else 0.0
        usual_size = max(self._spread, 1e-9 + 1e-4 * abs(value))
        z = max(-CLIP, min(CLIP, residual / (1.25 * usual_size))) if known else 0.0
        self._learn(bucket, value, residual, usual_size, passed)
        if at - self._started < LEARN_S:
            return 0.0
        weight = min(1.0, passed / 3600.0) if passed else 0.0
        self._high = min(max(0.0, self._high + weight * (z - ALLOWANCE)), 2 * DECISION)
        self._low = min(max(0.0, self._low - weight * (z + ALLOWANCE)), 2 * DECISION)
        return min(1.0, max(self._high, self._low) / (2 * DECISION))

    def _learn(self, bucket: int, value: float, residual: float, size: float, passed: float) -> None:
        known = self._seen[bucket]
        self._seen[bucket] = min(known + 1, 1_000_000)
        if not known:
            self._usual[bucket] = value
            return
        clipped = max(-CLIP * size, min(CLIP * size, residual)) if self._spread else residual
        rate = max(1.0 / (known + 1), 1.0 - math.exp(-math.log(2.0) * passed * BUCKETS / self._half_life_s))
        self._usual[bucket] += min(rate, 0.5) * clipped
        total = sum(self._seen)
        slow = max(1.0 / total, 1.0 - math.exp(-math.log(2.0) * passed / self._half_life_s))
        self._spread += min(slow, 0.5) * (abs(clipped) - self._spread)


class Anomaly:
    """Reports when a quantity has left its usual course, and when it is back."""

    def __init__(self, point: str, *, utc_offset_s: float = 8 * 3600.0) -> None:
        self._alarm = Alarm(point, Hazard.ANOMALY)
        self._course = Course(utc_offset_s)
        self._quiet_since: float | None = None

    def value(self, value: Value, at: float, utc: float) -> list[Event]:
        """Take a value."""
        found = number(value)
        if found is None:
            return []
        score = self._course.score(found, at, utc)
        if score >= 0.5:
            self._quiet_since = None
            return self._alarm.update(Claim(Severity.ADVISORY, "unusual"), at, found, {"score": round(score, 2)})
        if self._quiet_since is None:
            self._quiet_since = at
        if self._alarm.active and at - self._quiet_since < QUIET_S:
            return []
        return self._alarm.update(None, at, found)

    def unknown(self, at: float) -> None:
        """Keep what was learned."""

    def tick(self, at: float, utc: float) -> list[Event]:
        """Nothing waits."""
        del at, utc
        return []

    def reset(self, at: float) -> list[Event]:
        """Nothing is latched."""
        return self._alarm.reset(at)


def _hour(local: float) -> int:
    try:
        return datetime.fromtimestamp(local, UTC).hour
    except (ValueError, OverflowError, OSError):
        return 0
