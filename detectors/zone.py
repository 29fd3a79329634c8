"""Watch a polygon: someone is in it since, stays, has left. By the point where people stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from config.shapes import corners, inside
from contracts.vocabulary import Hazard, Severity
from detectors.findings import Event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.cameras import ZoneSection
    from detectors.people.stature import Stature
    from detectors.tracks import Track

STAY_S = 0.8  # someone must be inside this long: who cuts a corner, and what flickers, is no visit
GONE_S = 3.0  # nobody seen for this long: everyone has left (people do not come and go faster)
VANISHED_S = 12.0  # but who vanished in the middle of the zone is still there for this long


@dataclass(slots=True)
class _Visitor:
    """A track within the zone."""

    since: float
    last: float
    deep: bool  # whether it was last seen away from the edge
    seen: int = 1


@dataclass(slots=True)
class ZoneWatch:
    """Tracks in, events out."""

    zone: ZoneSection
    _visitors: dict[int, _Visitor] = field(default_factory=dict[int, _Visitor])
    _present: float | None = None  # since when
    _until: float = 0.0  # when last seen inside
    _deep: bool = False
    _told: bool | None = None  # what was reported last
    _long: bool = False

    def update(self, tracks: Sequence[Track], stature: Stature, at: float, *, armed: bool = True) -> list[Event]:
        """Take the tracks of one picture; return what began or ended."""
        polygon = corners(self.zone.zone)
        for track in tracks:
            x, y = stature.anchor(track)
            if track.seen_at == at and stature.stands(track) and inside((x, y), polygon):
                height = float(track.size[1])
                deep = all(
                    inside((x + dx, y + dy), polygon)
                    for dx, dy in ((-height / 4, 0), (height / 4, 0), (0, -height / 8), (0, height / 8))
                )
                self._see(track.id, at, deep=deep)
        living = {track.id for track in tracks}
        self._visitors = {k: v for k, v in self._visitors.items() if k in living}
        return self._report(at, armed=armed)

    def _see(self, track: int, at: float, *, deep: bool) -> None:
        visitor = self._visitors.get(track)
        if visitor is None or at - visitor.last > GONE_S:
            visitor = self._visitors[track] = _Visitor(at, at, deep)
        visitor.last, visitor.deep = at, deep
        visitor.seen += 1
        if at - visitor.since >= STAY_S:
            if self._present is None:
                self._present = visitor.since
            self._until, self._deep = at, deep

    def _report(self, at: float, *, armed: bool) -> list[Event]:
        hold = VANISHED_S if self._deep else GONE_S
        if self._present is not None and at - self._until > hold:
            self._present, self._long = None, False
        present = self._present is not None and armed
        if present and self._present is not None:
            stayed = at - self._present
            if not self._told:
                self._told = True
                return [self._event(active=True, reason="present", at=self._present, stayed=stayed)]
            if self.zone.dwell_s and stayed >= self.zone.dwell_s and not self._long:
                self._long = True
                return [self._event(active=True, reason="dwell", at=at, stayed=stayed)]
        elif self._told is None or self._told:
            reason = "normal" if self._told is None else "left" if armed else "disarmed"
            when = self._until if self._told and armed else at
            self._told = False
            return [self._event(active=False, reason=reason, at=when, stayed=0.0)]
        return []

    def _event(self, *, active: bool, reason: str, at: float, stayed: float) -> Event:
        urgent = reason == "dwell" or (active and not self.zone.dwell_s)
        severity = Severity.CRITICAL if urgent else Severity.WARNING
        people = len(self._visitors) if active else 0
        return Event(
            self.zone.id, Hazard.WATER_PERSON, active, severity, reason, at, people, {"stayed_s": round(stayed, 1)}
        )
