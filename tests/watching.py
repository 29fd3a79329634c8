"""Sentences for detector tables: samples of the point `p`, and the hazards they are."""

from __future__ import annotations

from collections.abc import Iterable

from config.points import PointSection
from detectors import detectors_for
from detectors.findings import Event
from detectors.interface import Detector
from drivers.samples import Reading, Sample, Silence, Tick, Value

ON, OFF = True, False
NIGHT = 1_780_246_800.0  # 2026-06-01 01:00 in Shanghai, a Monday
NOON = NIGHT + 11 * 3600.0


def point(kind: str, unit: str = "", **rule: object) -> PointSection:
    return PointSection.model_validate({"id": "p", "name": "p", "kind": kind, "unit": unit, "rule": rule})


def at(second: float, value: Value, utc: float = NOON) -> Reading:
    return Reading("p", value, second, utc + second)


def series(start: float, step: float, *values: Value) -> list[Sample]:
    return [at(start + step * n, value) for n, value in enumerate(values)]


def silent(second: float, reason: str = "timeout") -> Silence:
    return Silence("p", reason, second, NOON + second)


def tick(second: float, utc: float = NOON) -> Tick:
    return Tick(second, utc + second)


def feed(detectors: Iterable[Detector], samples: Iterable[Sample]) -> list[Event]:
    together = list(detectors)
    found = [finding for sample in samples for detector in together for finding in detector.update(sample)]
    return [event for event in found if isinstance(event, Event)]


def events(watched: PointSection, samples: Iterable[Sample]) -> list[Event]:
    return feed(detectors_for(watched), samples)


def changes(watched: PointSection, samples: Iterable[Sample]) -> list[str]:
    """Return what began and ended, without the first word that all is well."""
    found = events(watched, samples)
    return [
        f"{event.at:g} {event.kind} {'on' if event.active else 'off'} {event.severity} {event.reason}"
        for n, event in enumerate(found)
        if event.active or any(e.kind == event.kind and e.active for e in found[:n])
    ]
