"""Carbon monoxide: a dose of (ppm, minutes), as EN 50291 and UL 2034 ask."""

from __future__ import annotations

import math

from config.rules import CoRule
from contracts.vocabulary import Hazard, Severity
from detectors.alarm import Alarm, Claim
from detectors.findings import Event
from detectors.values import number
from drivers.samples import Value

LONGEST_STEP_S = 600.0  # a value stands for the time until the next one, but not for a hole in the record


class Co:
    """Fills up with gas over time; empties only in clean air."""

    def __init__(self, point: str, rule: CoRule) -> None:
        self._alarm = Alarm(point, Hazard.CO, latch=rule.latch)
        self._table = sorted(rule.table)
        self._clear = rule.clear
        self._dose = 0.0
        self._last: tuple[float, float] | None = None  # (at, ppm)

    def value(self, value: Value, at: float, utc: float) -> list[Event]:
        """Take a concentration in ppm."""
        del utc
        ppm = number(value)
        if ppm is None:
            return []
        self._fill(at)
        self._last = (at, ppm)
        if ppm < self._clear:
            self._dose = 0.0
        return self._say(at)

    def unknown(self, at: float) -> None:
        """Keep the dose, count no time."""
        self._fill(at)
        self._last = None

    def tick(self, at: float, utc: float) -> list[Event]:
        """Let the last concentration go on."""
        del utc
        self._fill(at)
        if self._last is None:
            return []
        self._last = (max(at, self._last[0]), self._last[1])
        return self._say(at)

    def reset(self, at: float) -> list[Event]:
        """Reset what is latched."""
        return self._alarm.reset(at)

    def minutes(self, ppm: float) -> float:
        """Return after how many minutes at this concentration the alarm is due; infinite below the table."""
        below = [row for row in self._table if row[0] <= ppm]
        above = [row for row in self._table if row[0] > ppm]
        if not below:
            return math.inf
        if not above:
            return below[-1][1]
        (x0, y0), (x1, y1) = below[-1], above[0]
        part = math.log(ppm / x0) / math.log(x1 / x0)
        return math.exp(math.log(y0) + part * (math.log(y1) - math.log(y0)))

    def _fill(self, at: float) -> None:
        if self._last is not None and at > self._last[0]:
            self._dose += min(at - self._last[0], LONGEST_STEP_S) / 60.0 / self.minutes(self._last[1])

    def _say(self, at: float) -> list[Event]:
        ppm = self._last[1] if self._last else None
        claim = Claim(Severity.CRITICAL, "dose") if self._dose >= 1.0 - 1e-9 else None
        return self._alarm.update(claim, at, ppm, {"dose": round(self._dose, 3)} if claim else None)
