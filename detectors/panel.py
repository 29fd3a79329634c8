"""A fire panel's part: its state words as they come; a fire is never filtered (GB/T 26875.3 part state)."""

from __future__ import annotations

import re

from config.rules import PanelRule
from contracts.vocabulary import LATCHING, Hazard
from detectors.alarm import Alarm, Claim
from detectors.bit_validity import AnyValidity
from detectors.findings import Event
from drivers.samples import Value

BITS = ("normal", "fire", "fault", "shielded", "supervised", "started", "feedback", "delayed", "power-fault")
FAULTS = ("fault", "lost", "power-fault", "tamper", "low-battery", "shielded")  # a shielded part will not report
HAZARDS = {
    "fire": Hazard.FIRE,
    "gas": Hazard.GAS,
    "emergency": Hazard.EMERGENCY,
    "duress": Hazard.EMERGENCY,
    "burglary": Hazard.INTRUSION,
    "water": Hazard.LEAK,
}


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
    """A part that reports its own fault is not believed to be normal; a part that reports a hazard is believed."""

    grace_s = 0.0

    def judge(self, value: Value, at: float) -> str | None:
        """Return the part's own fault as a reason."""
        super().judge(value, at)
        found = words(value)
        if not found:
            return "unreadable"
        return None if found & HAZARDS.keys() else next((word for word in FAULTS if word in found), None)


class Panel:
    """The hazards of one part; each is reported once it was seen, fire from the start."""

    def __init__(self, point: str, rule: PanelRule) -> None:
        self._point = point
        self._rule = rule
        self._alarms = {Hazard.FIRE: self._alarm(Hazard.FIRE)}

    def value(self, value: Value, at: float, utc: float) -> list[Event]:
        """Take the whole state of the part."""
        del utc
        seen = {HAZARDS[word]: word for word in sorted(words(value)) if word in HAZARDS}
        for hazard in seen:
            self._alarms.setdefault(hazard, self._alarm(hazard))
        return [
            event
            for hazard, alarm in self._alarms.items()
            for event in alarm.update(self._claim(seen.get(hazard)), at, value)
        ]

    def unknown(self, at: float) -> None:
        """Keep what is reported."""

    def tick(self, at: float, utc: float) -> list[Event]:
        """Nothing waits."""
        del at, utc
        return []

    def reset(self, at: float) -> list[Event]:
        """Reset what is latched."""
        return [event for alarm in self._alarms.values() for event in alarm.reset(at)]

    def _alarm(self, hazard: Hazard) -> Alarm:
        return Alarm(self._point, hazard, latch=self._rule.latch and hazard in LATCHING)

    def _claim(self, word: str | None) -> Claim | None:
        return Claim(self._rule.severity, f"panel-{word}") if word else None
