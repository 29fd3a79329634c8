"""People side by side are told apart where they are seen upright; one person never becomes two."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from config.cameras import CameraSection, LineSection
from contracts.vocabulary import Direction
from detectors.camera_watch import CameraWatch
from detectors.findings import Crossing
from detectors.people.background import Foreground
from detectors.people.columns import apart
from detectors.people.motion import MotionPeople
from drivers.samples import Frame

Mask = NDArray[np.uint8]
SIZE = (360, 640)
SHAPE = 2.6  # height over width of a person from the side


def figure(mask: Mask, x: int, foot: int = 300, height: int = 100, colour: int = 255) -> None:
    """Draw a person seen from the side: head, trunk, two legs."""
    width = round(height / SHAPE)
    cv2.circle(mask, (x, foot - round(0.91 * height)), round(0.09 * height), colour, -1)
    cv2.rectangle(mask, (x - width // 3, foot - round(0.84 * height)), (x + width // 3, foot - height // 2), colour, -1)
    for leg in (-1, 1):
        cv2.line(mask, (x, foot - height // 2), (x + leg * width // 2, foot), colour, max(3, width // 5))


def cut(mask: Mask) -> list[list[float]]:
    ys, xs = np.nonzero(mask)
    box = np.array([[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]], float)
    return apart(box, Foreground(mask, mask, 1.0, usable=True), SHAPE).tolist()


@pytest.mark.parametrize("people", [2, 3, 4])
def test_people_side_by_side_who_touch_are_as_many_boxes(people: int) -> None:
    mask = np.zeros(SIZE, np.uint8)
    for number in range(people):
        figure(mask, 200 + 34 * number)
    middles = [(x1 + x2) / 2 for x1, _, x2, _ in cut(mask)]
    assert middles == pytest.approx([200 + 34 * number for number in range(people)], abs=8)


def test_one_person_in_stride_with_a_bag_stays_one() -> None:
    mask = np.zeros(SIZE, np.uint8)
    figure(mask, 200)
    cv2.rectangle(mask, (206, 230), (236, 260), 255, -1)
    assert len(cut(mask)) == 1


def test_a_long_shadow_is_no_second_person() -> None:
    mask = np.zeros(SIZE, np.uint8)
    figure(mask, 200)
    cv2.fillPoly(mask, [np.array([(200, 300), (300, 285), (300, 270), (205, 290)])], 255)
    assert len(cut(mask)) == 1


def test_a_car_is_not_cut() -> None:
    mask = np.zeros(SIZE, np.uint8)
    cv2.rectangle(mask, (100, 240), (300, 300), 255, -1)
    cv2.rectangle(mask, (150, 200), (250, 240), 255, -1)
    assert len(cut(mask)) == 1


def test_a_pair_that_walks_arm_in_arm_is_two_crossings_once_people_are_known_here() -> None:
    line = LineSection(id="l", name="l", line=(320, 20, 320, 340))
    watch = CameraWatch(CameraSection(id="c", name="c", source="x", line=(line,)), MotionPeople())
    noise = np.random.default_rng(4)
    place = np.clip(noise.normal(120, 3, (*SIZE, 3)), 0, 255).astype(np.uint8)
    found: list[tuple[float, Direction]] = []
    walks = [(1, 5.0), (1, 13.0), (2, 21.0)]  # how many, from when on: two alone, then the pair
    for number in range(300):
        at = number / 10
        picture = place.copy()
        for people, began in walks:
            if began <= at < began + 8:
                for beside in range(people):
                    figure(picture, round(20 + 80 * (at - began)) - 36 * beside, colour=30)
        findings = watch.update(Frame("c", picture, at, at, number))
        found += [(f.at, f.direction) for f in findings if isinstance(f, Crossing) for _ in range(f.count)]
    assert [at for at, _ in found] == pytest.approx([8.75, 16.75, 24.75, 25.2], abs=0.5)
    assert {direction for _, direction in found} == {Direction.RIGHT}
