"""A crowd that merges into one blob is counted by how much of it flows across the line."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from config.cameras import CameraSection, LineSection
from detectors.camera_watch import CameraWatch, people_detector
from detectors.findings import Crossing
from drivers.samples import Frame

WIDTH, HEIGHT = 320, 240
RATE = 10
CAMERA = CameraSection(
    id="door", name="door", source="x", line=(LineSection(id="out", name="out", line=(10, 120, 310, 120)),)
)


def pictures(people: list[tuple[float, int]], seconds: float) -> Iterator[Frame]:
    """Draw heads and shoulders from above, each (second, x) of his entering at the top; all walk down alike."""
    noise = np.random.default_rng(5)
    floor = noise.integers(110, 126, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    for index in range(int(seconds * RATE)):
        at = index / RATE
        picture = floor + noise.integers(0, 4, floor.shape, dtype=np.uint8)
        for number, (began, x) in enumerate(people):
            _person(picture, x, round(-20 + (at - began) * 60), number)
        yield Frame("door", picture, at, 0.0, index)


def _person(picture: NDArray[np.uint8], x: int, y: int, number: int) -> None:
    coat = np.random.default_rng(number).choice([20, 40, 60, 190, 210], 3)
    cv2.ellipse(picture, (x, y), (20, 13), 0, 0, 360, coat.tolist(), -1)
    cv2.circle(picture, (x, y), 8, (25, 25, 30), -1)


def counted(people: list[tuple[float, int]], seconds: float) -> list[Crossing]:
    watch = CameraWatch(CAMERA, people_detector(CAMERA))
    found = [finding for frame in pictures(people, seconds) for finding in watch.update(frame)]
    return [finding for finding in found if isinstance(finding, Crossing)]


ALONE = [(6.0 + 6 * k, 80 + 25 * k) for k in range(6)]
CROWD = [
    (44.0 + 0.45 * row + 0.13 * column, 90 + 38 * column + 7 * (row % 3)) for row in range(6) for column in range(4)
]
"""Six rows of four, shoulder to shoulder, chest to back: one blob."""


def test_people_who_pass_alone_are_counted_once_each_and_without_doubt() -> None:
    found = counted(ALONE, 44.0)
    assert [crossing.direction for crossing in found] == ["down"] * 6
    assert all(crossing.low is None and crossing.quality == 1.0 for crossing in found)


def test_a_crowd_in_one_blob_is_counted_by_its_flow_and_says_how_sure_it_is() -> None:
    found = [crossing for crossing in counted(ALONE + CROWD, 56.0) if crossing.at > 44.0]
    number = sum(crossing.count for crossing in found)
    assert all(crossing.direction == "down" for crossing in found)
    assert 20 <= number <= 28  # 24 are true; the tracker alone sees a few
    doubtful = [crossing for crossing in found if crossing.low is not None and crossing.high is not None]
    assert doubtful
    assert all(crossing.quality < 1 for crossing in doubtful)
    low = sum(crossing.low if crossing.low is not None else crossing.count for crossing in found)
    high = sum(crossing.high if crossing.high is not None else crossing.count for crossing in found)
    assert low <= 24 <= high


def test_the_last_of_a_crowd_is_not_rounded_away() -> None:
    some = [(46.0, 60), (46.5, 200), (47.0, 60), (47.5, 200), (48.0, 60), (48.5, 150), (48.5, 187)]
    found = [crossing for crossing in counted(ALONE + some, 54.0) if crossing.at > 44.0]
    assert sum(crossing.count for crossing in found) == len(some)
