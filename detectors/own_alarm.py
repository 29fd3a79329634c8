"""A gas or CO alarm that says only yes or no: it has judged by its own standard, and is believed."""

from __future__ import annotations

from contracts.vocabulary import Severity
from detectors.alarm import Alarm, Claim
from detectors.findings import Event
from detectors.validity import NumberValidity
from detectors.values import bit
from drivers.samples import Value


class BitOrNumberValidity(NumberValidity):
    """A bit is always believable; a number is judged as ever."""

    def judge(self, value: Value, at: float) -> str | None:
        """Judge a number; take a bit as it is."""
        if isinstance(value, (bool, str)) and bit(value) is not None:
            self.needed = 1
            self._hear(at)
            return None
        self.needed = 2
        return super().judge(value, at)


class OwnAlarm:
    """Takes bits; numbers are for the rule beside it."""

    def __init__(self, point: str, hazard: str, *, latch: bool) -> None:
        self._alarm = Alarm(point, hazard, latch=latch)

    def value(self, value: Value, at: float, utc: float) -> list[Event]:
        """Take the device's own alarm."""
        del utc
        state = bit(value) if isinstance(value, (bool, str)) else None
        if state is None:
            return []
        return self._alarm.update(Claim(Severity.CRITICAL, "alarm") if state else None, at, value)

    def unknown(self, at: float) -> None:
        """Keep what is reported."""

    def tick(self, at: float, utc: float) -> list[Event]:
        """Nothing waits."""
        del at, utc
        return []

    def reset(self, at: float) -> list[Event]:
        """Reset what is latched."""
        return self._alarm.reset(at)
