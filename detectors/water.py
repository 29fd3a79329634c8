"""Water level: limits with two of three samples, rise in 10 minutes."""

from __future__ import annotations

from collections import deque

from config.rules import WaterLevelRule
from contracts.vocabulary import Hazard, Severity
from detectors.alarm import Alarm, Claim, worst
from detectors.delays import Held
from detectors.findings import Event
from detectors.level import Limit
from detectors.values import number
from detectors.windows import RecentLow
from drivers.samples import Value

RISE_S = 600.0
METRES = {"mm": 0.001, "cm": 0.01, "m": 1.0}
NEAREST_M = 0.001  # nothing is measured at the gauge itself
ROUND_MARKS_M = 20.0  # a gauge hangs within so much of its marks
LOWEST_M, HIGHEST_M = -200.0, 9000.0  # of a datum at sea level
FALL_M, FALL_M_PER_S = 1.0, 0.005  # more at once is a lost wire


def believable(rule: WaterLevelRule, unit: str) -> WaterLevelRule:
    """Return the rule with what a gauge in this unit can show, where the rule does not say so itself.

    Ultrasonic gauges of 5 m range answer 5000 mm and more where nothing was seen.
    """
    metre = METRES.get(unit, 1.0)
    if rule.distance:
        shown = {"at_least": NEAREST_M / metre, "special_from": 5000.0 if unit == "mm" else None}
    else:
        marks = [mark for mark in (rule.high, rule.critical) if mark is not None]
        shown = {
            "at_least": (min(marks) - ROUND_MARKS_M / metre) if marks else LOWEST_M / metre,
            "at_most": (max(marks) + ROUND_MARKS_M / metre) if marks else HIGHEST_M / metre,
            "fall_least": FALL_M / metre,
            "fall_per_s": FALL_M_PER_S / metre,
        }
    told = rule.model_fields_set
    return rule.model_copy(update={key: value for key, value in shown.items() if key not in told})


class WaterLevel:
    """A level that counts when two of three samples say so, or when it is close to the sample before."""

    def __init__(self, point: str, rule: WaterLevelRule, unit: str) -> None:
        self._alarm = Alarm(point, Hazard.WATER_LEVEL)
        self._rule = rule
        self._metre = METRES.get(unit, 1.0)
        above = not rule.distance
        deadband = rule.deadband / self._metre
        self._limits: list[tuple[Claim, Limit]] = [
            (
                Claim(severity, reason),
                Limit(limit, above=above, deadband=deadband, held=Held(rule.on_delay_s, rule.off_delay_s)),
            )
            for limit, severity, reason in (
                (rule.critical, Severity.CRITICAL, "critical-limit"),
                (rule.high, rule.severity, "high-limit"),
            )
            if limit is not None
        ]
        self._three: deque[float] = deque(maxlen=3)
        self._recent = RecentLow(RISE_S + 30.0)
        self._rising = Held(0.0, RISE_S, samples=2)  # among waves it is one, too
        self._value: float | None = None

    def value(self, value: Value, at: float, utc: float) -> list[Event]:
        """Take a level or a distance, in the point's unit."""
        del utc
        found = number(value)
        if found is None:
            return []
        before = self._three[-1] if self._three else None
        self._value = found
        self._three.append(found)
        close = before is not None and abs(found - before) * self._metre <= self._rule.spike
        agreed = [self._agreed(limit, found, close=close) for _, limit in self._limits]
        states = [(claim, limit.decide(state, at)) for (claim, limit), state in zip(self._limits, agreed, strict=True)]
        height = (-found if self._rule.distance else found) * self._metre
        rise = self._recent.rise(height, at)
        rising = self._rising.update(None if rise is None else rise >= self._rule.rise, at)
        said = self._say(states, rising, at)
        still = self._alarm.seen(at, found, self._rule.again_s) if any(agreed) else []
        return said or still

    def unknown(self, at: float) -> None:
        """Forget the course so far."""
        self._alarm.blind(at)
        self._three.clear()
        self._recent.clear()
        self._rising.update(None, at)
        for _, limit in self._limits:
            limit.decide(None, at)

    def tick(self, at: float, utc: float) -> list[Event]:
        """Let delays end."""
        del utc
        return self._say([(claim, limit.tick(at)) for claim, limit in self._limits], self._rising.tick(at), at)

    def reset(self, at: float) -> list[Event]:
        """Nothing is latched."""
        return self._alarm.reset(at)

    def _agreed(self, limit: Limit, value: float, *, close: bool) -> bool | None:
        beyond = limit.beyond(value)
        same = sum(limit.beyond(other) == beyond for other in self._three)
        return beyond if close or same > 1 else None

    def _say(self, states: list[tuple[Claim, bool | None]], rising: bool | None, at: float) -> list[Event]:  # noqa: FBT001
        claims = [claim for claim, state in states if state]
        claim = worst([*claims, Claim(Severity.ADVISORY, "rising") if rising else None])
        if claim is None and (any(state is None for _, state in states) or len(self._three) < 2):
            return []
        return self._alarm.update(claim, at, self._value)
