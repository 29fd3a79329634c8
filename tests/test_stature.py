"""How large people are here is learned from those who go far, whatever else is large, flickers or is many."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from detectors.people.stature import WAY, Stature
from detectors.tracks import Tracker

SIZE = (768, 576)
PERIOD_S = 0.1
PERSON = (30.0, 78.0)  # width and height

Box = tuple[float, float, float, float]


def person(x: float, foot: float = 400.0) -> Box:
    width, height = PERSON
    return (x - width / 2, foot - height, x + width / 2, foot)


def learned(pictures: list[list[Box]]) -> Stature:
    tracker, stature = Tracker(), Stature()
    for number, boxes in enumerate(pictures):
        at = number * PERIOD_S
        tracks = tracker.update(np.array(boxes, float).reshape(-1, 4), at, SIZE)
        stature.observe(tracks, at, SIZE)
    return stature


def clouds(number: int) -> list[Box]:
    """A shadow of a cloud that wanders to and fro over half of the picture."""
    x = 350 + 220 * np.sin(number / 15)
    return [(x - 130, 60, x + 130, 260)]


def leaves(number: int) -> list[Box]:
    """Six twigs that swing by two of their own sizes for ever."""
    return [
        (60 + 90 * k + 24 * np.sin(number / 4 + k), 500, 76 + 90 * k + 24 * np.sin(number / 4 + k), 516)
        for k in range(6)
    ]


@pytest.mark.parametrize("around", [clouds, leaves])
def test_a_few_people_who_cross_tell_how_large_people_are(around: Callable[[int], list[Box]]) -> None:
    pictures = [[*around(number), person(20 + 9 * (number % 80))] for number in range(240)]
    stature = learned(pictures)
    assert stature.area == pytest.approx(PERSON[0] * PERSON[1], rel=0.25)
    assert stature.upright > 0.9


def test_someone_who_stands_for_long_weighs_no_more_than_one_who_passed() -> None:
    near = [(100.0 + 5 * k, 100.0, 220.0 + 5 * k, 400.0) for k in range(40)]  # someone close to the camera who stops
    pictures = [[*([near[min(number, 39)]]), person(20 + 9 * (number % 80))] for number in range(320)]
    assert learned(pictures).area == pytest.approx(PERSON[0] * PERSON[1], rel=0.25)


@pytest.mark.parametrize(("tall", "child", "leaf"), [(PERSON[1], 0.16, 0.08), (PERSON[0], 0.36, 0.16)])
def test_from_above_a_child_is_no_smaller_than_a_quarter_and_from_the_side_it_may_be_far_away(
    tall: float, child: float, leaf: float
) -> None:
    def passing(x: float, share: float) -> Box:
        half, height = PERSON[0] / 2 * share**0.5, tall * share**0.5
        return (x - half, 400 - height, x + half, 400)

    stature = learned([[passing(20 + 9 * (number % 80), 1.0)] for number in range(240)])
    assert stature.upright == (1.0 if tall > PERSON[0] else 0.0)
    seen = dict[float, bool]()
    for share in (child, leaf):
        tracker = Tracker()
        for number in range(10):
            tracker.update(np.array([passing(200 + 9 * number, share)]), number * PERIOD_S, SIZE)
        seen[share] = stature.plausible(tracker.tracks[0])
    assert seen == {child: True, leaf: False}


@pytest.mark.parametrize(("turn", "stands"), [(9, False), (20, True)])
def test_who_first_goes_a_little_one_way_is_a_person_by_the_whole_of_the_way_back(turn: int, *, stands: bool) -> None:
    tracker, stature = Tracker(), Stature()
    places = [400 - 5 * min(number, 9) + 5 * min(max(0, number - 9), turn) for number in range(40)]
    for number, x in enumerate(places):
        at = number * PERIOD_S
        stature.observe(tracker.update(np.array([person(x)], float), at, SIZE), at, SIZE)
    [track] = tracker.tracks
    assert track.proven
    assert track.farthest < WAY[0]  # from where it was first seen
    assert stature.stands(track) is stands


def test_a_blob_that_joins_another_travels_from_there_alone() -> None:
    tracker, stature = Tracker(), Stature()
    for number in range(50):
        x, at = 400.0 + 5 * min(number, 10), number * PERIOD_S
        right = x + 5 * min(number - 25, 14)  # it went on as one with what was beside it
        box = person(x) if number < 25 else (right - 15, 322.0, right + 50, 400.0)
        stature.observe(tracker.update(np.array([box], float), at, SIZE), at, SIZE)
    [track] = tracker.tracks
    assert track.steady < WAY[0]
