"""A person at the water: a beam and a motion detector of one zone within 10 s, two principles that fail differently."""

from __future__ import annotations

from collections.abc import Sequence

from config.points import PointSection
from config.rules import BeamRule, MotionRule
from config.schedules import CalendarSection
from contracts.vocabulary import Hazard, SensorKind, Severity
from detectors.alarm import Claim
from detectors.findings import Event
from detectors.raised import Raised
from detectors.schedules import covers
from detectors.values import bit
from drivers.samples import Reading

TOGETHER_S = 10.0
OVER_S = 60.0  # nobody seen for so long


class ZonePerson:
    """Takes the changes themselves, not the events: who runs through a beam breaks it for less than its delay.

    Armed when a beam of the zone is, so all day in the season; a motion detector's nights are for itself alone.
    A point in fault is not believed.
    """

    def __init__(self, members: Sequence[PointSection], calendar: CalendarSection) -> None:
        self._rules = {point.id: point.rule for point in members if isinstance(point.rule, (BeamRule, MotionRule))}
        self._kinds = {point.id: point.kind for point in members if point.id in self._rules}
        if len(set(self._kinds.values())) < 2:  # two of a kind fail alike
            self._rules, self._kinds = {}, {}
        self._calendar = calendar
        water = any(rule.hazard == Hazard.WATER_PERSON for rule in self._rules.values())
        self._hazard = Hazard.WATER_PERSON if water else Hazard.INTRUSION
        self._raised = {point: Raised(point, self._hazard) for point in self._rules}
        self._faulty: set[str] = set()
        self._on: dict[str, bool] = {}
        self._seen: dict[SensorKind, float] = {}

    @property
    def wanted(self) -> frozenset[str]:
        """Points whose readings are needed."""
        return frozenset(self._rules)

    def event(self, event: Event) -> list[Event]:
        """Take an event of any point."""
        if event.point not in self._rules:
            return []
        if event.kind == Hazard.FAULT:
            (self._faulty.add if event.active else self._faulty.discard)(event.point)
        found = self._raised[event.point].own(event) if event.kind == self._hazard else []
        seen = event.active and event.kind in {Hazard.WATER_PERSON, Hazard.INTRUSION}
        return [*found, *(self._see(event.point, event.at) if seen else [])]

    def reading(self, reading: Reading) -> list[Event]:
        """Take a reading of any point."""
        rule, state = self._rules.get(reading.point), bit(reading.value)
        if rule is None or state is None:
            return []
        on, before = state != rule.inverted, self._on.get(reading.point)
        self._on[reading.point] = on
        fresh = on and before is False and reading.point not in self._faulty
        return self._see(reading.point, reading.at) if fresh and self._armed(reading.utc) else []

    def tick(self, at: float) -> list[Event]:
        """Let a person be gone."""
        self._seen = {kind: seen for kind, seen in self._seen.items() if at - seen <= OVER_S}
        if self._seen:
            return []
        return [event for raised in self._raised.values() for event in raised.over(None, at)]

    def _armed(self, utc: float) -> bool:
        beams = [rule for rule in self._rules.values() if isinstance(rule, BeamRule)]
        return any(covers(rule.armed, self._calendar, utc) for rule in beams)

    def _see(self, point: str, at: float) -> list[Event]:
        kind = self._kinds[point]
        self._seen[kind] = at
        others = [seen for other, seen in self._seen.items() if other is not kind and at - seen <= TOGETHER_S]
        if not others or any(raised.standing for raised in self._raised.values()):
            return []
        return self._raised[point].over(Claim(Severity.CRITICAL, "coincidence"), at)
