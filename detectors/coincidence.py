"""Coincidence: what several points say together, on whatever buses. Events and readings in, events out; pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from config.cameras import CameraSection
from config.points import PointSection
from config.rules import ExitLockRule, WaterLevelRule
from config.schedules import CalendarSection
from contracts.vocabulary import Hazard, Severity
from detectors.alarm import Claim
from detectors.findings import Event
from detectors.raised import Raised
from detectors.second_gauge import SecondGauge
from detectors.values import bit
from detectors.zone_fire import FIRE, ZoneFire
from detectors.zone_person import ZonePerson
from drivers.samples import Reading, Tick

ALARMS = FIRE | {Hazard.EMERGENCY, Hazard.GAS}
SCHOOL = CalendarSection()


class Coincidence:
    """All zones, exit locks and pairs of gauges of an agent: feed it every event, and the readings it wants.

    Events carry the point that made the coincidence (or the lock), for a point is what the ledger knows.
    """

    def __init__(
        self,
        points: tuple[PointSection, ...],
        calendar: CalendarSection = SCHOOL,
        cameras: tuple[CameraSection, ...] = (),
    ) -> None:
        zones: dict[str, list[PointSection]] = {}
        for point in points:
            if point.zone:
                zones.setdefault(point.zone, []).append(point)
        watching: dict[str, list[str]] = {}
        for camera in cameras:
            if camera.fire.on and camera.fire.zone:
                watching.setdefault(camera.fire.zone, []).append(camera.id)
        self._fires = [
            ZoneFire((point.id for point in zones.get(name, ())), watching.get(name, ()))
            for name in {**zones, **watching}
        ]
        self._persons = [ZonePerson(members, calendar) for members in zones.values()]
        self._locks = {
            point.id: (Raised(point.id, Hazard.EXIT_LOCKED), point.rule.inverted)
            for point in points
            if isinstance(point.rule, ExitLockRule)
        }
        by_id = {point.id: point for point in points}
        self._gauges = [
            SecondGauge(point, by_id[point.rule.second])
            for point in points
            if isinstance(point.rule, WaterLevelRule) and point.rule.second in by_id
        ]
        self._locked: dict[str, bool] = {}
        self._alarms: set[tuple[str, str]] = set()  # bounded by points times hazards

    @property
    def wanted(self) -> frozenset[str]:
        """Points whose readings are needed, beside everybody's events."""
        listening: list[Iterable[str]] = [self._locks, *(part.wanted for part in (*self._persons, *self._gauges))]
        return frozenset(point for points in listening for point in points)

    def update(self, given: Event | Reading | Tick) -> list[Event]:
        """Take an event of any point, a reading, or time; return what follows from several of them."""
        match given:
            case Event() as event:
                found = [e for part in (*self._fires, *self._persons) for e in part.event(event)]
                return [*found, *self._lock_events(event)]
            case Reading() as reading:
                found = [e for part in (*self._persons, *self._gauges) for e in part.reading(reading)]
                return [*found, *self._lock_reading(reading)]
            case Tick(at, _):
                return [event for part in self._persons for event in part.tick(at)]
            case _:
                assert_never(given)

    def reset(self, point: str, at: float) -> list[Event]:
        """A person resets a point: its zone's alarm ends if nothing burns any more."""
        return [event for part in self._fires if point in part.members for event in part.reset(at)]

    def _lock_events(self, event: Event) -> list[Event]:
        if event.kind in ALARMS:
            stands = event.active and event.severity is Severity.CRITICAL
            (self._alarms.add if stands else self._alarms.discard)((event.point, event.kind))
            return self._exits(event.at)
        if event.kind == Hazard.EXIT_LOCKED and event.point in self._locks:
            return self._locks[event.point][0].own(event)
        return []

    def _lock_reading(self, reading: Reading) -> list[Event]:
        state = bit(reading.value)
        if reading.point not in self._locks or state is None:
            return []
        self._locked[reading.point] = state != self._locks[reading.point][1]
        return self._exits(reading.at)

    def _exits(self, at: float) -> list[Event]:
        claim = Claim(Severity.CRITICAL, "locked-in-alarm")
        return [
            event
            for point, (lock, _) in self._locks.items()
            for event in lock.over(claim if self._alarms and self._locked.get(point) else None, at)
        ]
