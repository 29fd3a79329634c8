"""Watched: one point with its rules behind the question whether its values can be believed."""

from __future__ import annotations

import math
from collections.abc import Sequence

from contracts.vocabulary import Hazard, Severity
from detectors.findings import Event
from detectors.interface import PointRule, Validity
from drivers.samples import Frame, Reading, Sample, Silence, Tick, Value

OTHER_REASON_S = 60.0  # a fault that stands changes its reason no more often: noise must not flood disk and ledger
WAITED = frozenset({"gap", "stuck", "chatter"})  # found by waiting: no grace on top
RELAPSES = 2  # ISA-18.2: what comes three times chatters, and gets an off-delay


class Watched:
    """Passes believable readings on to the rules of the point; reports a fault while there are none.

    A fault is never an alarm and never normal: the rules keep their state until a good value comes.
    """

    def __init__(self, point: str, validity: Validity, rules: Sequence[PointRule]) -> None:
        self._point = point
        self._validity = validity
        self._rules = rules
        self._fault: str | None = None
        self._settled = False
        self._bad_since = self._said_at = 0.0
        self._bad: str | None = None
        self._bad_seen = 0
        self._explained = False  # the driver itself says why nothing comes
        self._good_seen = 0
        self._good_since = 0.0
        self._ended_at: float | None = None
        self._relapses = 0  # so often the fault has come again soon after it ended

    def update(self, sample: Sample) -> list[Event]:
        """Take one sample in; return what began or ended by it."""
        match sample:
            case Reading(point, value, at, utc) if point == self._point:
                self._explained = False
                reason = self._validity.judge(value, at)
                if reason is None:
                    return self._take(value, at, utc)
                return self._doubt(reason, at, self._validity.needed if reason in WAITED else 1, value)
            case Silence(point, reason, at, _) if point == self._point and math.isfinite(at):
                self._explained = True
                return self._doubt(reason, at, self._validity.needed, None)
            case Tick(at, utc) if math.isfinite(at):
                return self._tick(at, utc)
            case Reading() | Silence() | Tick() | Frame():
                return []

    def reset(self, at: float) -> list[Event]:
        """A person resets what is latched."""
        return [event for rule in self._rules for event in rule.reset(at)]

    def _take(self, value: Value, at: float, utc: float) -> list[Event]:
        if self._good_seen == 0:
            self._good_since = at
        self._bad, self._bad_seen = None, 0
        self._good_seen = min(self._good_seen + 1, self._validity.needed)
        return self._well(at, value) + [event for rule in self._rules for event in rule.value(value, at, utc)]

    def _well(self, at: float, value: Value | None) -> list[Event]:
        """Say that all is well, once it is; a fault that comes and goes stands until it was so for a while."""
        if self._settled:
            held = self._validity.steady_s if self._relapses >= RELAPSES else 0.0
            if self._fault is None or self._good_seen < self._validity.needed or at - self._good_since < held:
                return []
            self._ended_at = at
        self._settled, self._fault = True, None
        return [self._event("normal", at, value, active=False)]

    def _doubt(self, reason: str, at: float, seen: int, value: Value | None) -> list[Event]:
        if self._bad is None:
            self._bad_since = at
        if reason == "step":  # what jumps about shows no course: a rise must begin again
            for rule in self._rules:
                rule.unknown(at)
        self._bad, self._good_seen = reason, 0
        self._bad_seen = min(self._bad_seen + seen, self._validity.needed)
        return self._fault_if_due(at, value)

    def _tick(self, at: float, utc: float) -> list[Event]:
        reason = self._validity.overdue(at)
        if reason is not None:
            known = self._fault is not None and (reason == self._fault or self._explained)
            return [] if known else self._doubt(reason, at, self._validity.needed, None)
        value = self._validity.revived(at)
        if value is not None:
            return self._take(value, at, utc)
        if self._bad is not None:
            return self._fault_if_due(at, None)
        if self._good_seen == 0:
            return []
        return self._well(at, None) + [event for rule in self._rules for event in rule.tick(at, utc)]

    def _fault_if_due(self, at: float, value: Value | None) -> list[Event]:
        if self._bad is None or self._bad == self._fault or self._bad_seen < self._validity.needed:
            return []
        if self._fault is None and self._bad not in WAITED and at - self._bad_since < self._validity.grace_s:
            return []
        if self._fault is not None and 0 <= at - self._said_at < OTHER_REASON_S:
            return []
        if self._fault is None:
            again = self._ended_at is not None and at - self._ended_at < self._validity.steady_s
            self._relapses = min(self._relapses + 1, RELAPSES) if again else 0
        self._settled, self._fault, self._said_at = True, self._bad, at
        for rule in self._rules:
            rule.unknown(at)
        return [self._event(self._bad, at, value, active=True)]

    def _event(self, reason: str, at: float, value: Value | None, *, active: bool) -> Event:
        shown = None if isinstance(value, float) and not math.isfinite(value) else value
        return Event(self._point, Hazard.FAULT, active, Severity.FAULT, reason, at, shown)
