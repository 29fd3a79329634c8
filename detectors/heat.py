"""Heat at the ceiling: fixed limit and rate of rise (EN 54-5 / GB 4716 class A1, UL 521)."""

from __future__ import annotations

from config.rules import HeatRule
from contracts.vocabulary import Hazard
from detectors.alarm import Alarm, Claim, worst
from detectors.delays import Held
from detectors.findings import Event
from detectors.level import Limit
from detectors.values import number
from detectors.windows import RecentLow
from drivers.samples import Value

SMOOTH_S = 10.0  # a thermocouple's noise is no warming by 2 K
WARMING_S = 600.0  # left-over heat stands still; what has not warmed in ten minutes must pass the upper limit


class Heat:
    """A heat detector out of a thermometer.

    `high` counts only for air that has warmed by the deadband within ten minutes: a hot room after a fire, or a boiler
    room, stands at 57 degC without one. `highest`, the end of the class's band, counts always.
    """

    def __init__(self, point: str, rule: HeatRule) -> None:
        self._alarm = Alarm(point, Hazard.HEAT, latch=rule.latch)
        self._rule = rule
        self._fast = RecentLow(rule.rise_s + 0.5)  # a sample of exactly 60 s ago may come a little late
        self._slow = RecentLow(max(WARMING_S, rule.rise_s), SMOOTH_S)
        self._rising = Held(rule.rise_held_s, samples=rule.samples)
        self._high = Limit(rule.high, deadband=rule.deadband, held=Held(samples=rule.samples))
        self._highest = Limit(rule.highest, deadband=rule.deadband, held=Held(samples=rule.samples))
        self._value: float | None = None

    def value(self, value: Value, at: float, utc: float) -> list[Event]:
        """Take a temperature."""
        del utc
        found = number(value)
        if found is None:
            return []
        self._value = found
        rise, warming = self._fast.rise(found, at), self._slow.rise(found, at)
        highest = self._highest.update(found, at)
        if rise is None or warming is None:
            return self._say(rising=None, fixed=(None, highest), at=at)
        warm = self._high.beyond(found) and (warming >= self._rule.deadband or bool(self._high.decide(None, at)))
        return self._say(
            rising=self._rising.update(rise >= self._rule.rise, at),
            fixed=(self._high.decide(warm, at), highest),
            at=at,
        )

    def unknown(self, at: float) -> None:
        """Forget the course so far: a rise over a hole is none."""
        self._fast.clear()
        self._slow.clear()
        self._rising.update(None, at)
        self._high.update(None, at)
        self._highest.update(None, at)

    def tick(self, at: float, utc: float) -> list[Event]:
        """Let delays end."""
        del utc
        return self._say(rising=self._rising.tick(at), fixed=(self._high.tick(at), self._highest.tick(at)), at=at)

    def reset(self, at: float) -> list[Event]:
        """Reset what is latched."""
        return self._alarm.reset(at)

    def _say(self, *, rising: bool | None, fixed: tuple[bool | None, bool | None], at: float) -> list[Event]:
        claim = worst(
            [
                Claim(self._rule.severity, "fixed-limit") if any(fixed) else None,
                Claim(self._rule.severity, "rate-of-rise") if rising else None,
            ]
        )
        if claim is None and None in (rising, *fixed):
            return []
        return self._alarm.update(claim, at, self._value)
