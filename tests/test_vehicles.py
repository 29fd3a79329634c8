"""Cars are no people: a full block whose outline stays while it moves; who walks, glides or stands is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from config.cameras import CameraSection, LineSection, ZoneSection
from detectors.camera_watch import CameraWatch, people_detector
from detectors.findings import Crossing, Event, Finding
from detectors.people.background import Foreground
from detectors.people.vehicles import Vehicles, without
from detectors.tracks import Tracker
from drivers.recording import Recording

WIDTH, HEIGHT = 320, 180
Mask = NDArray[np.uint8]


def car(mask: Mask, x: float, _: int) -> None:
    """Draw a car from above, its corners round."""
    left = round(x)
    cv2.rectangle(mask, (left + 6, 60), (left + 84, 100), 255, -1)
    cv2.rectangle(mask, (left, 66), (left + 90, 94), 255, -1)


def walker(mask: Mask, x: float, number: int) -> None:
    """Draw a person from the side, who swings arms and legs twice a second."""
    left, swing = round(x), round(16 * np.sin(number * 2 * np.pi / 10))
    cv2.circle(mask, (left + 20, 48), 9, 255, -1)
    cv2.ellipse(mask, (left + 20, 80), (11, 24), 0, 0, 360, 255, -1)
    for way in (swing, -swing):
        cv2.line(mask, (left + 20, 100), (left + 20 + way, 140), 255, 8)
        cv2.line(mask, (left + 20, 66), (left + 20 - way, 96), 255, 6)


def glider(mask: Mask, x: float, _: int) -> None:
    """Draw a person on a scooter, who moves no limb."""
    walker(mask, x, 2)
    cv2.line(mask, (round(x) + 40, 80), (round(x) + 40, 142), 255, 4)


def far_car(mask: Mask, x: float, _: int) -> None:
    """Draw a car that is small in the picture."""
    cv2.rectangle(mask, (round(x), 60), (round(x) + 60, 94), 255, -1)


def judged(draw: Callable[[Mask, float, int], None], *, step: float = 4.0, pictures: int = 40) -> list[bool]:
    """Whether each track of something that moves `step` pixels a picture is a vehicle, at ten pictures a second."""
    tracker, vehicles = Tracker(), Vehicles()
    for number in range(pictures):
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        draw(mask, 20 + step * number, number)
        x, y, width, height = cv2.boundingRect(mask)
        boxes = np.array([(x, y, x + width, y + height)], np.float64) * 2  # of a picture of twice the size
        tracks = tracker.update(boxes, number / 10, (2 * WIDTH, 2 * HEIGHT))
        vehicles.observe(tracks, Foreground(mask, mask, 0.5, usable=True), number / 10)
    return [track.vehicle for track in tracker.tracks if track.confirmed]


@pytest.mark.parametrize(
    ("draw", "vehicle"),
    [
        pytest.param(car, True, id="a car"),
        pytest.param(walker, False, id="who walks"),
        pytest.param(glider, False, id="who glides"),
        pytest.param(far_car, False, id="what is too small to tell"),
    ],
)
def test_a_full_block_that_stays_as_it_is_while_it_moves_is_a_vehicle(
    draw: Callable[[Mask, float, int], None], *, vehicle: bool
) -> None:
    assert judged(draw) == [vehicle]


def test_a_car_that_leaves_the_picture_is_one_still_and_what_stands_is_not_judged() -> None:
    assert judged(car, step=6.0, pictures=48) == [True]
    assert judged(car, step=0.0) == [False]


def test_the_flow_of_a_crowd_is_that_of_people_alone() -> None:
    mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
    seen = Foreground(mask, mask, 0.5, usable=True)
    tracker = Tracker()
    (track,) = tracker.update(np.array([(100.0, 60.0, 300.0, 160.0)]), 0.0, (2 * WIDTH, 2 * HEIGHT))
    assert without(seen, [track]) is seen
    track.moves = track.blocks = 3
    assert cv2.countNonZero(without(seen, [track]).mask) == HEIGHT * WIDTH - 100 * 50
    assert cv2.countNonZero(seen.mask) == HEIGHT * WIDTH


def watched(shared: Path, name: str, seconds: float, **parts: tuple[LineSection | ZoneSection, ...]) -> list[Finding]:
    """What was found on a real clip."""
    camera = CameraSection(id="c", name="c", source=str(shared / "data" / "video" / name), **parts)  # pyright: ignore[reportArgumentType]
    watch = CameraWatch(camera, people_detector(camera))
    found: list[Finding] = []
    with Recording(camera.source, camera.frames_per_s) as recording:
        for frame in recording.frames():
            if frame.at > seconds:
                break
            found += watch.update(frame)
            if "cars" not in name:
                assert not any(track.vehicle for track in watch.tracker.tracks)
    return found


def test_cars_seen_from_above_are_neither_counted_nor_somebody_in_a_zone(shared: Path) -> None:
    lines = tuple(LineSection(id=f"l{y}", name="l", line=(10, y, 630, y)) for y in (180, 280))
    zone = ZoneSection(id="z", name="z", zone=(1, 1, 638, 1, 638, 358, 1, 358))
    found = watched(shared, "neg_cars.mp4", 60, line=lines, zone=(zone,))
    assert [f for f in found if isinstance(f, Crossing) or (isinstance(f, Event) and f.active)] == []


@pytest.mark.parametrize("name", ["count_hall_overhead.mp4", "count_bus_overhead.mp4", "zone_indoor_onebyone.mp4"])
def test_nobody_who_walks_is_ever_taken_for_a_vehicle(shared: Path, name: str) -> None:
    line = LineSection(id="l", name="l", line=(12, 100, 300, 100))
    assert watched(shared, name, 20, line=(line,))
