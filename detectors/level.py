"""Level: a number against a high and a low limit, with deadband and delays (OPC UA Part 9)."""

from __future__ import annotations

from contracts.vocabulary import Hazard, Severity
from detectors.alarm import Alarm, Claim
from detectors.delays import Held
from detectors.findings import Event
from detectors.values import number
from drivers.samples import Frame, Reading, Sample, Silence, Tick


class Limit:
    """One limit: beyond it for the on-delay is yes, back behind it by the deadband for the off-delay is no."""

    def __init__(self, limit: float, *, above: bool, deadband: float = 0.0, held: Held | None = None) -> None:
        self._limit = limit if above else -limit
        self._sign = 1 if above else -1
        self._deadband = deadband
        self._held = held or Held()

    def update(self, value: float | None, at: float) -> bool | None:
        """Take a value (None: unknown); return whether the limit counts as passed, None before it has settled."""
        if value is None:
            return self._held.update(None, at)
        edge = self._limit - (self._deadband if self._held.state else 0.0)
        return self._held.update(self._sign * value >= edge, at)

    def tick(self, at: float) -> bool | None:
        """Let time go on."""
        return self._held.tick(at)


class Level:
    """A number with a high and a low limit."""

    def __init__(
        self,
        point: str,
        hazard: Hazard,
        severity: Severity,
        *,
        high: Limit | None,
        low: Limit | None,
        latch: bool = False,
    ) -> None:
        self._alarm = Alarm(point, hazard, latch=latch)
        self._severity = severity
        self._limits = [(name, limit) for name, limit in (("high-limit", high), ("low-limit", low)) if limit]
        self._value: float | None = None

    def update(self, sample: Sample) -> list[Event]:
        """Take one sample in; return what began or ended by it."""
        match sample:
            case Reading(_, value, at, _):
                self._value = number(value)
                states = [(name, limit.update(self._value, at)) for name, limit in self._limits]
            case Silence(_, _, at, _):
                states = [(name, limit.update(None, at)) for name, limit in self._limits]
            case Tick(at, _):
                states = [(name, limit.tick(at)) for name, limit in self._limits]
            case Frame():
                return []
        passed = [name for name, state in states if state]
        if not passed and (not states or any(state is None for _, state in states)):
            return []
        return self._alarm.update(Claim(self._severity, passed[0]) if passed else None, at, self._value)

    def reset(self, at: float) -> list[Event]:
        """A person resets what is latched."""
        return self._alarm.reset(at)
