"""Coincidence: what several points of one zone say together. Takes events, gives events; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from config.points import PointSection
from contracts.vocabulary import Hazard, SensorKind, Severity
from detectors.alarm import Alarm, Claim
from detectors.findings import Event
from detectors.values import bit
from drivers.samples import Reading, Tick

FIRE = frozenset({Hazard.SMOKE, Hazard.HEAT, Hazard.FLAME, Hazard.CO, Hazard.FIRE})
WATERSIDE = frozenset({Hazard.WATER_PERSON, Hazard.INTRUSION})
TOGETHER_S = 10.0  # a beam and a PIR within this are a person


class Zone:
    """One zone: fire by two detectors is critical at once; a person at the water by two principles within 10 s."""

    def __init__(self, kinds: Mapping[str, SensorKind]) -> None:
        self._kinds = kinds
        self._burning: dict[str, set[str]] = {}  # point -> hazards; bounded by the zone's points
        self._seen: dict[SensorKind, float] = {}
        self._fire: Alarm | None = None
        self._person: Alarm | None = None

    def event(self, event: Event) -> list[Event]:
        """Take an event of one of the zone's points."""
        if event.kind in FIRE:
            return self._fires(event)
        if event.kind in WATERSIDE and event.active:
            return self._persons(event)
        return []

    def tick(self, at: float) -> list[Event]:
        """Let a person at the water be over."""
        self._seen = {kind: seen for kind, seen in self._seen.items() if at - seen <= 6 * TOGETHER_S}
        if self._person is None or self._seen:
            return []
        person, self._person = self._person, None
        return person.update(None, at)

    def reset(self, at: float) -> list[Event]:
        """A person resets what is latched."""
        if self._fire is None:
            return []
        found = self._fire.reset(at)
        if found:
            self._fire = None
        return found

    def _fires(self, event: Event) -> list[Event]:
        hazards = self._burning.setdefault(event.point, set())
        (hazards.add if event.active else hazards.discard)(event.kind)
        together = sorted(point for point, burning in self._burning.items() if burning)
        if len(together) < 2:
            return self._fire.update(None, event.at) if self._fire else []
        self._fire = self._fire or Alarm(event.point, Hazard.FIRE, latch=True)
        detail = {"points": ",".join(together)[:200]}
        return self._fire.update(Claim(Severity.CRITICAL, "coincidence"), event.at, None, detail)

    def _persons(self, event: Event) -> list[Event]:
        kind = self._kinds[event.point]
        self._seen[kind] = event.at
        others = [seen for other, seen in self._seen.items() if other is not kind and event.at - seen <= TOGETHER_S]
        if not others:
            return []
        self._person = self._person or Alarm(event.point, Hazard.WATER_PERSON)
        return self._person.update(Claim(Severity.CRITICAL, "coincidence"), event.at)


class Coincidence:
    """All zones of an agent, and its exit locks: feed it every event, and every reading of an exit lock.

    Events carry the point that made the coincidence (or the lock), for a point is what the ledger knows.
    """

    def __init__(self, points: tuple[PointSection, ...]) -> None:
        self._zone_of = {point.id: point.zone for point in points if point.zone}
        members: dict[str, dict[str, SensorKind]] = {}
        for point in points:
            if point.zone:
                members.setdefault(point.zone, {})[point.id] = point.kind
        self._zones = {name: Zone(kinds) for name, kinds in members.items() if len(kinds) > 1}
        self._locks = {
            point.id: Alarm(point.id, Hazard.EXIT_LOCKED) for point in points if point.kind is SensorKind.EXIT_LOCK
        }
        self._inverted = {point.id for point in points if getattr(point.rule, "inverted", False)}
        self._locked: dict[str, bool] = {}
        self._alarms: set[tuple[str, str]] = set()  # bounded by points times hazards

    def update(self, given: Event | Reading | Tick) -> list[Event]:
        """Take an event of any point, a reading, or time; return what follows from several of them."""
        match given:
            case Event() as event:
                zone = self._zones.get(self._zone_of.get(event.point, ""))
                self._note(event)
                return [*(zone.event(event) if zone else []), *self._exits(event.at)]
            case Reading(point, value, at, _):
                state = bit(value)
                if point not in self._locks or state is None:
                    return []
                self._locked[point] = state != (point in self._inverted)
                return self._exits(at)
            case Tick(at, _):
                return [event for zone in self._zones.values() for event in zone.tick(at)]
            case _:
                assert_never(given)

    def reset(self, point: str, at: float) -> list[Event]:
        """A person resets a point: its zone's alarm ends if nothing burns any more."""
        zone = self._zones.get(self._zone_of.get(point, ""))
        return zone.reset(at) if zone else []

    def _note(self, event: Event) -> None:
        if event.kind not in FIRE | {Hazard.EMERGENCY, Hazard.GAS}:
            return
        (self._alarms.add if event.active and event.severity is Severity.CRITICAL else self._alarms.discard)(
            (event.point, event.kind)
        )

    def _exits(self, at: float) -> list[Event]:
        claim = Claim(Severity.CRITICAL, "locked-in-alarm")
        return [
            event
            for point, alarm in self._locks.items()
            if self._locked.get(point) is not None and (alarm.active or self._alarms)
            for event in alarm.update(claim if self._alarms and self._locked[point] else None, at)
        ]
