"""The one interface of a detector, and that of the rules inside one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from detectors.findings import Event, Finding
from drivers.samples import Sample, Value


class Detector(Protocol):
    """Samples in, findings out: a pure state machine. No clock, no I/O, no thread, no log; bounded state."""

    def update(self, sample: Sample) -> Sequence[Finding]:
        """Take one sample in; return what began or ended by it. Time is `sample.at` only."""
        ...

    def reset(self, at: float) -> Sequence[Finding]:
        """A person resets what is latched."""
        ...


class PointRule(Protocol):
    """A rule of one point: it is given only values that can be believed, and told when there are none."""

    def value(self, value: Value, at: float, utc: float) -> list[Event]:
        """Take a value that can be believed."""
        ...

    def unknown(self, at: float) -> None:
        """Nothing is known from now on: what was pending is dropped, what is reported stays."""
        ...

    def tick(self, at: float, utc: float) -> list[Event]:
        """Time went on with the last value."""
        ...

    def reset(self, at: float) -> list[Event]:
        """A person resets what is latched."""
        ...


class Validity(Protocol):
    """Whether a point's values can be believed; a reason is a machine word, None is yes."""

    needed: int
    """So many odd values make a fault, so many good ones end it: one for what speaks only when it changes."""
    grace_s: float
    steady_s: float
    """A fault that comes and goes stands until its point was well for so long."""

    def judge(self, value: Value, at: float) -> str | None:
        """Judge a value."""
        ...

    def overdue(self, at: float) -> str | None:
        """Judge the time without one."""
        ...

    def revived(self, at: float) -> Value | None:
        """Return the last value when it can be believed again without a new one."""
        ...
