"""How large people are here is learned from those who go far, whatever else is large, flickers or is many."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from detectors.people.stature import Stature
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
