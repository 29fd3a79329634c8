"""Raised: a claim that several points make together, laid over what one point's own rule reports of the same hazard."""

from __future__ import annotations

from collections.abc import Mapping

from detectors.alarm import Claim, worst
from detectors.findings import Event
from drivers.samples import Value


class Raised:
    """One hazard of one point, of which its own rule and the claim on top are one state for the ledger.

    The claim never ends what the rule still reports, and the rule never ends the claim.
    """

    def __init__(self, point: str, hazard: str) -> None:
        self._point = point
        self._hazard = hazard
        self._own: Claim | None = None
        self._over: Claim | None = None
        self._shown: Claim | None = None

    @property
    def standing(self) -> bool:
        """Whether the claim on top stands."""
        return self._over is not None

    def own(self, event: Event) -> list[Event]:
        """Take what the point's own rule has just reported, which is what is shown by that."""
        self._own = self._shown = Claim(event.severity, event.reason) if event.active else None
        return self._show(event.at, None)

    def over(self, claim: Claim | None, at: float, detail: Mapping[str, Value | None] | None = None) -> list[Event]:
        """Take the claim on top, None where there is none."""
        self._over = claim
        return self._show(at, detail)

    def _show(self, at: float, detail: Mapping[str, Value | None] | None) -> list[Event]:
        claim, before = worst([self._own, self._over]), self._shown
        if (claim.severity if claim else None) == (before.severity if before else None):
            return []
        self._shown = claim
        said = claim or before
        if said is None:
            return []
        reason = claim.reason if claim else "normal"
        return [
            Event(self._point, self._hazard, claim is not None, said.severity, reason, at, None, dict(detail or {}))
        ]
