"""Combustible gas in %LEL: a low alarm, and a graver one when it is high or rising (GB 15322)."""

from __future__ import annotations

from config.rules import GasRule
from contracts.vocabulary import Hazard, Severity
from detectors.alarm import Alarm, Claim, worst
from detectors.delays import Held
from detectors.findings import Event
from detectors.level import Limit
from detectors.values import number
from detectors.windows import RecentLow
from drivers.samples import Value

RISING_S = 60.0


class Gas:
    """Warns at the low alarm; critical at the high one, or when it has risen by the low alarm within a minute."""

    def __init__(self, point: str, rule: GasRule) -> None:
        self._alarm = Alarm(point, Hazard.GAS, latch=rule.latch)
        self._rule = rule
        self._low, self._high = (
            Limit(limit, deadband=rule.deadband, held=Held(0, rule.off_delay_s, rule.samples))
            for limit in (rule.low_alarm, rule.high_alarm)
        )
        self._rising = Held(0, rule.off_delay_s, rule.samples)
        self._recent = RecentLow(RISING_S)
        self._value: float | None = None

    def value(self, value: Value, at: float, utc: float) -> list[Event]:
        """Take a concentration in %LEL."""
        del utc
        found = number(value)
        if found is None:
            return []
        self._value = found
        rise = self._recent.rise(found, at) or 0.0
        rising = rise >= self._rule.low_alarm and found >= self._rule.low_alarm
        return self._say(self._low.update(found, at), self._high.update(found, at), self._rising.update(rising, at), at)

    def unknown(self, at: float) -> None:
        """Drop what is pending."""
        self._recent.clear()
        self._low.update(None, at)
        self._high.update(None, at)
        self._rising.update(None, at)

    def tick(self, at: float, utc: float) -> list[Event]:
        """Let delays end."""
        del utc
        return self._say(self._low.tick(at), self._high.tick(at), self._rising.tick(at), at)

    def reset(self, at: float) -> list[Event]:
        """Reset what is latched."""
        return self._alarm.reset(at)

    def _say(self, low: bool | None, high: bool | None, rising: bool | None, at: float) -> list[Event]:  # noqa: FBT001
        claim = worst(
            [
                Claim(Severity.CRITICAL, "high-alarm") if high else None,
                Claim(Severity.CRITICAL, "rising") if rising and low else None,
                Claim(Severity.WARNING, "low-alarm") if low else None,
            ]
        )
        if claim is None and None in (low, high):
            return []
        return self._alarm.update(claim, at, self._value)
