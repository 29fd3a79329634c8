"""A fire panel's part: its state words as they come; a fire is never filtered (GB/T 26875.3 part state)."""

from __future__ import annotations

import re

from config.rules import PanelRule
from contracts.vocabulary import Hazard
from detectors.alarm import Alarm, Claim
from detectors.bit_validity import AnyValidity
from detectors.findings import Event
from drivers.samples import Value

BITS = ("normal", "fire", "fault", "shielded", "supervised", "started", "feedback", "delayed", "power-fault")
FAULTS = ("fault", "power-fault", "shielded")


def words(value: Value) -> frozenset[str]:
    """Read the state words of a part; a number is GB/T 26875.3's state bits, a bit is fire or none."""
    match value:
        case bool():
            return frozenset({"fire"} if value else {"normal"})
        case str():
            return frozenset(word for word in re.split(r"[^a-z-]+", value.strip().lower()) if word)
        case _:
            if not 0 <= value <= 0xFFFF:  # also not a number
                return frozenset()
            return frozenset(word for place, word in enumerate(BITS) if int(value) >> place & 1)


class PanelValidity(AnyValidity):
    """A part that reports its own fault is not believed to be normal; a part that reports fire is believed."""

    def judge(self, value: Value, at: float) -> str | None:
        """Return the part's own fault as a reason."""
        super().judge(value, at)
        found = words(value)
        if not found:
            return "unreadable"
        return None if "fire" in found else next((word for word in FAULTS if word in found), None)


class Panel:
    """The fire state of one part."""

    def __init__(self, point: str, rule: PanelRule) -> None:
        self._alarm = Alarm(point, Hazard.FIRE, latch=rule.latch)
        self._claim = Claim(rule.severity, "panel-fire")

    def value(self, value: Value, at: float, utc: float) -> list[Event]:
        """Take a state."""
        del utc
        return self._alarm.update(self._claim if "fire" in words(value) else None, at, value)

    def unknown(self, at: float) -> None:
        """Keep what is reported."""

    def tick(self, at: float, utc: float) -> list[Event]:
        """Nothing waits."""
        del at, utc
        return []

    def reset(self, at: float) -> list[Event]:
        """Reset what is latched."""
        return self._alarm.reset(at)
