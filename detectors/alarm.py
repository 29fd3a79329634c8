"""One hazard of one point: reports the first state it settles on, then only changes; latches where asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from contracts.vocabulary import SEEN_AGAIN, Severity
from detectors.findings import Event
from drivers.samples import Value

GRADE = {Severity.FAULT: 0, Severity.ADVISORY: 1, Severity.WARNING: 2, Severity.CRITICAL: 3}


@dataclass(frozen=True, slots=True)
class Claim:
    """What a rule says is wrong now."""

    severity: Severity
    reason: str


class Alarm:
    """The state of one hazard at one point; a change of severity is a change, one of reason only where asked.

    An advisory (a pre-alarm) never latches.
    """

    def __init__(self, point: str, hazard: str, *, latch: bool = False, reasons_count: bool = False) -> None:
        self._point = point
        self._hazard = hazard
        self._latch = latch
        self._reasons_count = reasons_count
        self._settled = False
        self._shown: Claim | None = None
        self._now: Claim | None = None
        self._blind_since: float | None = None

    @property
    def active(self) -> bool:
        """Whether the hazard is reported as standing."""
        return self._shown is not None

    @property
    def _latched(self) -> bool:
        return self._latch and self._shown is not None and self._shown.severity is not Severity.ADVISORY

    def update(
        self,
        claim: Claim | None,
        at: float,
        value: Value | None = None,
        detail: Mapping[str, Value | None] | None = None,
    ) -> list[Event]:
        """Take what is wrong now (None: nothing); return the event that this is, if any."""
        self._now = claim
        if claim is None:
            self._blind_since = None
        if self._shown is not None and self._latched and (claim is None or not _worse(claim, self._shown)):
            return []
        if self._settled and (claim if self._reasons_count else _severity(claim)) == (
            self._shown if self._reasons_count else _severity(self._shown)
        ):
            return []
        return [self._show(claim, "normal", at, value, detail)]

    def blind(self, at: float) -> None:
        """Nothing is seen of it from now on."""
        if self._blind_since is None:
            self._blind_since = at

    def seen(self, at: float, value: Value | None, again_s: float) -> list[Event]:
        """It is seen that it stands; return that it does so still where nobody could see for that long."""
        since, self._blind_since = self._blind_since, None
        if since is None or self._shown is None or at - since < again_s:
            return []
        return [self._show(Claim(self._shown.severity, SEEN_AGAIN), "normal", at, value, None)]

    def reset(self, at: float) -> list[Event]:
        """A person resets it: it ends, unless what caused it is still there."""
        if self._shown is None or not self._latched or self._now is not None:
            return []
        return [self._show(None, "reset", at, None, None)]

    def _show(
        self, claim: Claim | None, ended: str, at: float, value: Value | None, detail: Mapping[str, Value | None] | None
    ) -> Event:
        last = claim or self._shown
        self._settled, self._shown = True, claim
        severity = last.severity if last else Severity.ADVISORY
        reason = claim.reason if claim else ended
        return Event(self._point, self._hazard, claim is not None, severity, reason, at, value, dict(detail or {}))


def worst(claims: list[Claim | None]) -> Claim | None:
    """Return the gravest of some claims, the first where two are alike."""
    return max((claim for claim in claims if claim), key=lambda claim: GRADE[claim.severity], default=None)


def _severity(claim: Claim | None) -> Severity | None:
    return claim.severity if claim else None


def _worse(claim: Claim, other: Claim) -> bool:
    return GRADE[claim.severity] > GRADE[other.severity]
