"""Doors: a fire door left open, an exit locked while people are inside, a door forced or held."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.vocabulary import Hazard
from detectors.alarm import Alarm, Claim, worst
from detectors.contact import Armed, always
from detectors.delays import Held
from detectors.findings import Event
from detectors.values import bit
from drivers.samples import Value


class Stage:
    """One thing that is wrong once a door's state has held for so long at armed times."""

    def __init__(self, claim: Claim, after_s: float, armed: Armed = always) -> None:
        self.claim = claim
        self.held = Held(after_s)
        self.armed = armed


class Door:
    """A door's contact (open) or bolt (locked) with stages, the gravest of which is reported."""

    def __init__(self, point: str, hazard: Hazard, stages: Sequence[Stage], *, inverted: bool = False) -> None:
        self._alarm = Alarm(point, hazard, reasons_count=True)
        self._stages = stages
        self._inverted = inverted
        self._on: bool | None = None

    def value(self, value: Value, at: float, utc: float) -> list[Event]:
        """Take a state."""
        state = bit(value)
        self._on = None if state is None else state != self._inverted
        return self.tick(at, utc)

    def unknown(self, at: float) -> None:
        """Drop what is pending."""
        self._on = None
        for stage in self._stages:
            stage.held.update(None, at)

    def tick(self, at: float, utc: float) -> list[Event]:
        """Let delays and armed times begin and end."""
        if self._on is None:
            return []
        states = [(stage.claim, stage.held.update(self._on and stage.armed(utc), at)) for stage in self._stages]
        claim = worst([claim for claim, state in states if state])
        if claim is None and any(state is None for _, state in states):
            return []
        return self._alarm.update(claim, at, self._on)

    def reset(self, at: float) -> list[Event]:
        """Nothing is latched."""
        return self._alarm.reset(at)
