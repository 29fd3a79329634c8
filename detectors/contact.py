"""Contact: anything that is on or off, with delays and a latch where asked."""

from __future__ import annotations

from contracts.vocabulary import Hazard, Severity
from detectors.alarm import Alarm, Claim
from detectors.delays import Held
from detectors.findings import Event
from detectors.values import bit
from drivers.samples import Frame, Reading, Sample, Silence, Tick


class Contact:
    """A bit that is a hazard while it is on."""

    def __init__(self, point: str, hazard: Hazard, severity: Severity, held: Held, *, latch: bool = False) -> None:
        self._alarm = Alarm(point, hazard, latch=latch)
        self._claim = Claim(severity, "contact")
        self._held = held

    def update(self, sample: Sample) -> list[Event]:
        """Take one sample in; return what began or ended by it."""
        match sample:
            case Reading(_, value, at, _):
                on = self._held.update(bit(value), at)
            case Silence(_, _, at, _):
                on = self._held.update(None, at)
            case Tick(at, _):
                on = self._held.tick(at)
            case Frame():
                return []
        if on is None:
            return []
        return self._alarm.update(self._claim if on else None, at, on)

    def reset(self, at: float) -> list[Event]:
        """A person resets what is latched."""
        return self._alarm.reset(at)
