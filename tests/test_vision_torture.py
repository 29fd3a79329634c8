"""What makes camera software lie: jitter on the line, ids that switch, crossing paths, light, shake, days of tracks."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from numpy.typing import NDArray

from config.cameras import CameraSection, LineSection, PersonSection, ZoneSection
from contracts.vocabulary import Direction
from detectors.camera_watch import CameraWatch
from detectors.findings import Crossing, Event, Finding
from detectors.people import People
from detectors.people.motion import MotionPeople
from drivers.samples import Frame, Silence

RATE = 10.0
LINE = LineSection(id="door", name="door", line=(320, 20, 320, 340))
ZONE = ZoneSection(id="pond", name="pond", zone=(200, 100, 440, 100, 440, 350, 200, 350))
EMPTY = np.zeros((360, 640, 3), np.uint8)


Picture = NDArray[np.uint8]


class Scripted:
    """People as a test says, picture by picture."""

    def __init__(self, script: Iterable[list[tuple[float, float]]]) -> None:
        self._script = iter(script)

    def look_at(self, shapes: object) -> None:
        """Look everywhere."""

    def detect(self, picture: object, at: float, known: object) -> People:
        feet = next(self._script)
        boxes = np.array([(x - 15, y - 80, x + 15, y) for x, y in feet], float).reshape(-1, 4)
        return People(boxes, np.ones(len(boxes)))

    everybody = detect


def play(script: list[list[tuple[float, float]]], *, line: bool = False, zone: bool = False) -> list[Finding]:
    camera = CameraSection(id="cam", name="cam", source="x", line=(LINE,) if line else (), zone=(ZONE,) if zone else ())
    watch = CameraWatch(camera, Scripted(script))
    found: list[Finding] = []
    for index in range(len(script)):
        found += watch.update(Frame("cam", EMPTY, index / RATE, 0.0, index))
    return [f for f in found if not (isinstance(f, Event) and f.kind == "fault")]


def walk(x1: float, x2: float, y: float = 200.0, steps: int = 40) -> list[tuple[float, float]]:
    return [(x1 + (x2 - x1) * k / (steps - 1), y) for k in range(steps)]


def alone(path: list[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    return [[step] for step in path]


def directions(found: list[Finding]) -> list[Direction]:
    return [f.direction for f in found if isinstance(f, Crossing)]


def test_someone_who_stands_on_the_line_for_a_minute_is_at_most_one_crossing() -> None:
    noise = np.random.default_rng(1)
    standing = [(320 + noise.normal(0, 3), 200 + noise.normal(0, 2)) for _ in range(600)]
    found = play(alone(walk(200, 320) + standing + walk(320, 440)), line=True)
    assert directions(found) == [Direction.RIGHT]


@pytest.mark.parametrize("gap", [1, 4, 8])
def test_a_track_that_is_lost_on_the_line_counts_once(gap: int) -> None:
    path = alone(walk(200, 440))
    for index in range(19, 19 + gap):
        path[index] = []
    assert directions(play(path, line=True)) == [Direction.RIGHT]


def test_two_people_who_cross_paths_on_the_line_are_two_crossings() -> None:
    there, back = walk(200, 440, 200), walk(440, 200, 205)
    found = play([[a, b] for a, b in zip(there, back, strict=True)], line=True)
    assert sorted(directions(found)) == [Direction.LEFT, Direction.RIGHT]


def test_the_crossing_bears_the_time_of_the_line_not_of_its_report() -> None:
    found = play(alone(walk(200, 440, steps=41)), line=True)
    assert [f.at for f in found] == pytest.approx([2.0], abs=0.15)


def test_who_passes_beside_the_end_of_the_line_is_not_counted() -> None:
    found = play(alone(walk(200, 440, y=358)), line=True)
    assert directions(found) == []


def test_ten_minutes_of_standing_in_the_zone_is_one_visit() -> None:
    noise = np.random.default_rng(2)
    standing = [(320 + noise.normal(0, 1.5), 250 + noise.normal(0, 1.5)) for _ in range(6000)]
    found = play([*alone(walk(60, 320, 250) + standing + walk(320, 620, 250)), *([[]] * 60)], zone=True)
    events = [(f.reason, f.active) for f in found if isinstance(f, Event)]
    assert events == [("normal", False), ("present", True), ("left", False)]
    enter, leave = (f.at for f in found[1:])
    assert enter == pytest.approx(2.1, abs=0.5)
    assert leave == pytest.approx(604 + 1.6, abs=0.5)


def test_who_vanishes_in_the_middle_of_the_water_is_not_gone_at_once() -> None:
    found = play([*alone(walk(60, 320, 250)), *([[]] * 60)], zone=True)
    assert [f.active for f in found if isinstance(f, Event)] == [False, True]


def test_a_day_of_passers_by_leaves_nothing_behind() -> None:
    camera = CameraSection(id="cam", name="cam", source="x", line=(LINE,), zone=(ZONE,))
    rounds = 60
    path = alone(walk(20, 620, 250, steps=30)) + [[]] * 30
    watch = CameraWatch(camera, Scripted(path * rounds))
    count = 0
    for index in range(len(path) * rounds):
        count += len(
            [f for f in watch.update(Frame("cam", EMPTY, index / RATE, 0.0, index)) if isinstance(f, Crossing)]
        )
    assert count == rounds
    assert watch.tracker.tracks == []
    assert all(not counter._sides for counter in watch._lines)
    assert all(not zone._visitors for zone in watch._zones)


# pictures

NOISE = np.random.default_rng(3)
PLACE: NDArray[np.float64] = np.asarray(
    np.kron(NOISE.integers(50, 200, (18, 32, 3)), np.ones((20, 20, 1))), np.float64
)  # (360, 640, 3) of coloured tiles


def picture(place: NDArray[np.floating], person: tuple[int, int] | None = None) -> Picture:
    shown = place + NOISE.normal(0, 2, place.shape)
    if person is not None:
        x, y = person
        shown[max(0, y - 110) : y, max(0, x - 20) : max(0, x + 20)] = (15, 15, 15)
    return np.clip(shown, 0, 255).astype(np.uint8)


def look(pictures: Iterable[Picture]) -> list[Finding]:
    camera = CameraSection(id="cam", name="cam", source="x", line=(LINE,), zone=(ZONE,))
    watch = CameraWatch(camera, MotionPeople())
    found: list[Finding] = []
    for index, shown in enumerate(pictures):
        found += watch.update(Frame("cam", shown, index / RATE, 0.0, index))
    return found


def alarms(found: list[Finding]) -> list[Finding]:
    return [f for f in found if isinstance(f, Crossing) or (f.active and f.kind != "fault")]


def test_lights_out_and_on_alarm_nobody() -> None:
    day, night = PLACE, PLACE * 0.12
    shown = [picture(p) for p in [*[day] * 60, *[night] * 60, *[day] * 60]]
    assert alarms(look(shown)) == []


def test_a_bumped_camera_alarms_nobody_and_says_that_it_moved() -> None:
    turned = np.roll(PLACE, (70, 130), axis=(0, 1))
    found = look([picture(p) for p in [*[PLACE] * 150, *[turned] * 100]])
    assert alarms(found) == []
    assert [f.reason for f in found if isinstance(f, Event) and f.active] == ["camera-moved"]


def test_a_person_who_stands_still_for_three_minutes_is_not_learned_away() -> None:
    entering = [picture(PLACE, (x, 300)) for x in range(-20, 320, 10)]
    standing = [picture(PLACE, (320, 300))] * 5
    leaving = [picture(PLACE, (x, 300)) for x in range(320, 700, 10)]
    empty = [picture(PLACE)] * 5
    shown = [*empty * 10, *entering, *standing * 360, *leaving, *empty * 20]
    found = [f for f in look(shown) if isinstance(f, Event) and f.point == "pond" and f.kind != "fault"]
    assert [(f.reason, f.active) for f in found] == [("normal", False), ("present", True), ("left", False)]


BLIND = {  # what becomes of the picture: factor, then grey levels added
    "camera-black": (0.0, 0.0),
    "camera-covered": (0.0, 90.0),
    "camera-over-exposed": (0.0, 252.0),
    "camera-too-dark": (0.12, 0.0),
}


@pytest.mark.parametrize("reason", BLIND)
def test_a_blind_camera_is_a_fault_within_ten_seconds_and_over_when_it_sees(reason: str) -> None:
    factor, more = BLIND[reason]
    blind = PLACE * factor + more
    found = look([picture(p) for p in [*[PLACE] * 60, *[blind] * 100, *[PLACE] * 60]])
    faults = [f for f in found if isinstance(f, Event) and f.kind == "fault" and f.point == "cam"]
    assert [(f.reason, f.active) for f in faults] == [("normal", False), (reason, True), ("normal", False)]
    assert faults[1].at - 6.0 < 10
    assert faults[2].at - 16.0 < 10


def test_the_same_picture_again_and_again_is_a_frozen_camera() -> None:
    still = picture(PLACE)
    found = look([*[picture(PLACE) for _ in range(50)], *[still] * 100])
    assert [f.reason for f in found if isinstance(f, Event) and f.active] == ["camera-frozen"]


def test_a_lost_camera_is_a_fault_once_and_over_when_back() -> None:
    watch = CameraWatch(CameraSection(id="cam", name="cam", source="x"), MotionPeople())
    found: list[Finding] = []
    for index in range(40):
        found += watch.update(Frame("cam", picture(PLACE), index / RATE, 0.0, index))
    for second in range(5, 20):
        found += watch.update(Silence("cam", "lost", float(second), 0.0))
    for index in range(200, 240):
        found += watch.update(Frame("cam", picture(PLACE), index / RATE, 0.0, index))
    assert [(f.reason, f.active) for f in found if isinstance(f, Event)] == [
        ("normal", False), ("camera-lost", True), ("normal", False),
    ]  # fmt: skip


@pytest.mark.parametrize("size", [(1, 1), (3, 2000), (4320, 7680)])
def test_pictures_of_any_size_are_taken(size: tuple[int, int]) -> None:
    shown = np.zeros((*size, 3), np.uint8)
    assert alarms(look([shown] * 3)) == []


def test_a_picture_of_another_size_starts_anew_and_alarms_nobody() -> None:
    half = PLACE[::2, ::2]
    found = look([picture(p) for p in [*[PLACE] * 60, *[half] * 60, *[PLACE] * 60]])
    assert alarms(found) == []


def test_lines_and_zones_are_scaled_to_a_picture_of_another_size() -> None:
    camera = CameraSection(id="cam", name="cam", source="x", line=(LINE,), zone=(ZONE,))
    watch = CameraWatch(camera, Scripted([[(2 * x, 2 * y)] for x, y in walk(200, 440)]))
    large = np.zeros((720, 1280, 3), np.uint8)
    found = [
        finding
        for index in range(40)
        for finding in watch.update(Frame("cam", large, index / RATE, 0.0, index, drawn_on=(640, 360)))
    ]
    assert directions(found) == [Direction.RIGHT]
    assert [f.reason for f in found if isinstance(f, Event) and f.active] == ["present"]


def test_a_line_beside_the_picture_is_a_fault_of_that_line() -> None:
    beside = LINE.model_copy(update={"line": (700, 20, 700, 340)})
    camera = CameraSection(id="cam", name="cam", source="x", line=(LINE, beside.model_copy(update={"id": "beside"})))
    watch = CameraWatch(camera, Scripted([[]]))
    found = watch.update(Frame("cam", EMPTY, 0.0, 0.0))
    assert [(f.point, f.reason, f.active) for f in found if isinstance(f, Event)] == [
        ("door", "normal", False), ("beside", "outside-picture", True),
    ]  # fmt: skip


def test_who_is_too_small_for_where_he_stands_is_nobody() -> None:
    person = PersonSection(y1=100, height1=90, y2=300, height2=200)
    camera = CameraSection(id="cam", name="cam", source="x", line=(LINE,), person=person)

    def crossings(y: float) -> int:
        watch = CameraWatch(camera, Scripted(alone(walk(200, 440, y))))
        frames = [Frame("cam", EMPTY, index / RATE, 0.0, index) for index in range(40)]
        return sum(isinstance(f, Crossing) for frame in frames for f in watch.update(frame))

    assert crossings(110) == 1  # 80 pixels high, as far away people are
    assert crossings(300) == 0  # so near a person is 200 pixels high: a dog


def test_who_comes_out_of_a_blob_on_the_line_as_a_new_track_counts_once() -> None:
    blob = [[(300.0, 200.0), (314.0 + 2 * k, 200.0)] for k in range(3)]  # the box of two, and one who comes out of it
    script = [*alone(walk(180, 300, steps=20)), *blob, *alone(walk(322, 440, steps=20))]
    assert directions(play(script, line=True)) == [Direction.RIGHT]
