"""Smoke in a picture: a veil that spreads upwards is an advisory; people, light and a covered lens are none."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from config.cameras import CameraSection, FireSection
from contracts.vocabulary import Hazard, SensorKind, Severity
from detectors.camera_watch import CameraWatch
from detectors.coincidence import Coincidence
from detectors.findings import Event
from detectors.people.motion import MotionPeople
from detectors.smoke_seen import SmokeWatch
from drivers.samples import Frame

RATE = 4
NOISE = np.random.default_rng(5)
PLACE = cv2.resize(NOISE.integers(30, 220, (36, 64, 3), dtype=np.uint8), (640, 360), interpolation=cv2.INTER_NEAREST)

Picture = NDArray[np.float64]


def smoke(at: float) -> Picture:
    """From 15 s on a grey plume grows from the floor towards the ceiling."""
    shown = PLACE.astype(np.float64)
    height = max(0.0, at - 15) * 14
    if height:
        veil = np.zeros((360, 640), np.float32)
        cv2.ellipse(veil, (320, 350), (round(30 + height / 3), round(height)), 0, 180, 360, 0.9, -1)
        veil = cv2.GaussianBlur(veil, (31, 31), 8)[..., None]
        shown = shown * (1 - veil) + 170 * veil
    return shown


def walker(at: float) -> Picture:
    shown = PLACE.astype(np.float64)
    x = round(40 * (at - 15))
    shown[150:340, max(0, x) : max(0, x + 60)] = (90, 95, 100)
    return shown


def dimmed(at: float) -> Picture:
    return PLACE * (1.0 if at < 15 else 0.4)


def covered(at: float) -> Picture:
    return PLACE * 1.0 if at < 15 else np.full(PLACE.shape, 120.0)


def seen(course: Callable[[float], Picture], section: FireSection | None = None) -> list[Event]:
    watch = SmokeWatch("cam", section or FireSection(on=True, smoke=True))
    found: list[Event] = []
    for index in range(40 * RATE):
        at = index / RATE
        picture = np.clip(course(at) + NOISE.normal(0, 2, PLACE.shape), 0, 255).astype(np.uint8)
        found += watch.look(picture, at)
    return found


def test_a_plume_that_grows_upwards_is_an_advisory_within_fifteen_seconds() -> None:
    found = seen(smoke)
    assert [(e.kind, e.severity, e.active) for e in found] == [(Hazard.SMOKE, Severity.ADVISORY, True)]
    assert 15 < found[0].at < 30


@pytest.mark.parametrize("course", [walker, dimmed, covered])
def test_people_and_light_and_a_covered_lens_are_no_smoke(course: Callable[[float], Picture]) -> None:
    assert seen(course) == []


def test_where_smoke_is_to_be_ignored_none_is_seen() -> None:
    everywhere = FireSection(on=True, smoke=True, ignore=((0, 0, 640, 0, 640, 360, 0, 360),))
    assert seen(smoke, everywhere) == []


@pytest.mark.parametrize(("asked", "kinds"), [(False, set[str]()), (True, {"smoke"})])
def test_smoke_is_looked_for_only_where_asked(asked: bool, kinds: set[str]) -> None:  # noqa: FBT001
    camera = CameraSection(id="cam", name="cam", source="x", fire=FireSection(on=True, smoke=asked))
    watch = CameraWatch(camera, MotionPeople())
    found = [
        finding
        for index in range(35 * RATE)
        for finding in watch.update(Frame("cam", smoke(index / RATE).astype(np.uint8), index / RATE, 0.0, index))
    ]
    assert {f.kind for f in found if isinstance(f, Event) and f.kind != Hazard.FAULT} == kinds


def advisory(point: str, kind: Hazard, severity: Severity = Severity.ADVISORY) -> Event:
    return Event(point, kind, active=True, severity=severity, reason="test", at=1.0)


def test_a_cameras_advisory_is_a_fire_alarm_only_with_a_second_source_of_its_zone() -> None:
    from config.buses import SimulatedPoint

    alarm = SimulatedPoint.model_validate({"id": "heat", "name": "heat", "kind": SensorKind.HEAT, "zone": "hall"})
    camera = CameraSection(id="cam", name="cam", source="x", fire=FireSection(on=True, zone="hall"))
    together = Coincidence((alarm,), cameras=(camera,))
    assert together.update(advisory("cam", Hazard.FLAME)) == []
    assert together.update(advisory("cam", Hazard.SMOKE)) == []  # one camera is one source
    found = together.update(advisory("heat", Hazard.HEAT, Severity.CRITICAL))
    assert [(e.kind, e.severity, e.active) for e in found] == [(Hazard.FIRE, Severity.CRITICAL, True)]
    elsewhere = Coincidence((alarm.model_copy(update={"zone": "roof"}),), cameras=(camera,))
    elsewhere.update(advisory("cam", Hazard.FLAME))
    assert elsewhere.update(advisory("heat", Hazard.HEAT, Severity.CRITICAL)) == []
