"""Smoke: the detector's own alarm bit, at once; or its density in dB/m, with a pre-alarm (GB 4715)."""

from __future__ import annotations

from config.rules import SmokeRule
from contracts.vocabulary import Hazard, Severity
from detectors.alarm import Alarm, Claim
from detectors.delays import Held
from detectors.findings import Event
from detectors.level import Limit
from detectors.validity import NumberValidity
from detectors.values import bit, number
from drivers.samples import Value


class SmokeValidity(NumberValidity):
    """A smoke detector gives a bit or a number."""

    def judge(self, value: Value, at: float) -> str | None:
        """Judge a bit as the number 0 or 1."""
        state = bit(value) if isinstance(value, (bool, str)) else None
        self.needed = 2 if state is None else 1
        return super().judge(value if state is None else float(state), at)


class Smoke:
    """Pre-alarm is an advisory; the alarm latches."""

    def __init__(self, point: str, rule: SmokeRule) -> None:
        self._alarm = Alarm(point, Hazard.SMOKE, latch=rule.latch)
        self._rule = rule
        self._high = Limit(rule.high, deadband=rule.deadband, held=Held(0, rule.off_delay_s, rule.samples))
        self._pre = Limit(
            rule.high * rule.pre_alarm, deadband=rule.deadband, held=Held(0, rule.off_delay_s, rule.samples)
        )
        self._bit: bool | None = None
        self._value: Value | None = None

    def value(self, value: Value, at: float, utc: float) -> list[Event]:
        """Take a bit or a density."""
        del utc
        self._value = value
        density = number(value)
        if density is None:
            self._bit = bit(value)
            return self._say(self._bit, False, at)  # noqa: FBT003
        self._bit = None
        return self._say(self._high.update(density, at), self._pre.update(density, at), at)

    def unknown(self, at: float) -> None:
        """Drop what is pending."""
        self._bit = None
        self._high.update(None, at)
        self._pre.update(None, at)

    def tick(self, at: float, utc: float) -> list[Event]:
        """Let delays end."""
        del utc
        if self._bit is not None:
            return []
        return self._say(self._high.tick(at), self._pre.tick(at), at)

    def reset(self, at: float) -> list[Event]:
        """Reset what is latched."""
        return self._alarm.reset(at)

    def _say(self, alarm: bool | None, pre: bool | None, at: float) -> list[Event]:  # noqa: FBT001
        claim = Claim(self._rule.severity, "alarm") if alarm else Claim(Severity.ADVISORY, "pre-alarm") if pre else None
        if claim is None and (alarm is None or pre is None):
            return []
        return self._alarm.update(claim, at, self._value)
