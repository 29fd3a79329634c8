"""Watched: one point with its rules behind the question whether its values can be believed."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.vocabulary import Hazard, Severity
from detectors.findings import Event, Finding
from detectors.interface import Detector
from detectors.validity import Validity
from drivers.samples import Frame, Reading, Sample, Silence, Tick

GRACE_S = 3.0  # one lost answer is no fault; DOMAIN's limit for a wired device is 30 s
BAD_READINGS = 2  # one odd value is rejected in silence, a second one is a fault


class Watched:
    """Passes believable readings on to the rules of the point; reports a fault while there are none.

    A fault is never an alarm and never normal: the rules keep their state until a good value comes.
    """

    def __init__(self, point: str, validity: Validity, rules: Sequence[Detector]) -> None:
        self._point = point
        self._validity = validity
        self._rules = rules
        self._fault: str | None = None
        self._settled = False
        self._bad_since: float | None = None
        self._bad_reason = ""
        self._bad_seen = 0
        self._good_seen = 0

    def update(self, sample: Sample) -> list[Finding]:
        """Take one sample in; return what began or ended by it."""
        match sample:
            case Reading(point, value, at, _) if point == self._point:
                reason = self._validity.judge(value, at)
                return self._good(sample) if reason is None else self._bad(reason, sample, readings=1)
            case Silence(point, reason, _, _) if point == self._point:
                return self._bad(reason, sample, readings=BAD_READINGS)
            case Tick(at, _):
                reason = self._validity.overdue(at)
                found = self._bad(reason, sample, readings=BAD_READINGS) if reason else self._raise_if_due(sample)
                return [*found, *self._pass_on(sample)]
            case Reading() | Silence() | Frame():
                return []

    def reset(self, at: float) -> list[Finding]:
        """A person resets what is latched."""
        return [finding for rule in self._rules for finding in rule.reset(at)]

    def _good(self, sample: Reading) -> list[Finding]:
        self._bad_since, self._bad_seen = None, 0
        self._good_seen = min(self._good_seen + 1, BAD_READINGS)
        found: list[Finding] = []
        if not self._settled or (self._fault and self._good_seen >= BAD_READINGS):
            self._settled, self._fault = True, None
            found.append(Event(self._point, Hazard.FAULT, False, Severity.FAULT, "normal", sample.at, sample.value))  # noqa: FBT003
        return [*found, *self._pass_on(sample)]

    def _bad(self, reason: str, sample: Reading | Silence | Tick, readings: int) -> list[Finding]:
        if self._bad_since is None:
            self._bad_since = sample.at
        self._good_seen = 0
        self._bad_reason = reason
        self._bad_seen = min(self._bad_seen + readings, BAD_READINGS)
        return self._raise_if_due(sample)

    def _raise_if_due(self, sample: Reading | Silence | Tick) -> list[Finding]:
        if self._bad_since is None or self._bad_seen < BAD_READINGS or self._fault == self._bad_reason:
            return []
        if sample.at - self._bad_since < GRACE_S and self._fault is None:
            return []
        self._settled, self._fault = True, self._bad_reason
        value = sample.value if isinstance(sample, Reading) else None
        fault = Event(self._point, Hazard.FAULT, True, Severity.FAULT, self._bad_reason, sample.at, value)  # noqa: FBT003
        return [fault, *self._pass_on(Silence(self._point, self._bad_reason, sample.at, sample.utc))]

    def _pass_on(self, sample: Sample) -> list[Finding]:
        return [finding for rule in self._rules for finding in rule.update(sample)]
