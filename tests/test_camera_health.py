"""A camera that cannot see, on frames of a real clip altered here: each fault begins and ends within ten seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.camera_health import CameraHealth
from detectors.findings import Event
from drivers.recording import Recording
from drivers.samples import Frame

RATE = 5.0
SEEN, TROUBLED, AFTER = 20.0, 15.0, 12.0  # seconds
CLIPS = ("count_hall_overhead.mp4", "zone_indoor_onebyone.mp4", "count_vtest.avi", "neg_cars.mp4")

Picture = NDArray[np.uint8]
Alter = Callable[[Picture], Picture]


def changed(picture: Picture, factor: float, more: float = 0.0) -> Picture:
    return np.clip(picture * factor + more, 0, 255).astype(np.uint8)


def covered(picture: Picture) -> Picture:
    """A hand or a bag close before the lens: one colour, a little light at the edges, the sensor's noise."""
    height, width = picture.shape[:2]
    slope = np.linspace(0, 12, width)[None, :, None]
    noise = np.random.default_rng(int(picture[0, 0, 0])).normal(0, 2, (height, width, 1))
    return np.clip(np.full(picture.shape, (40, 55, 80)) + slope + noise, 0, 255).astype(np.uint8)


def moved(picture: Picture) -> Picture:
    """Turned by a third of the picture, to show another part of the scene."""
    height, width = picture.shape[:2]
    return np.roll(picture, (height // 3, width // 3), axis=(0, 1))


ALTERED: dict[str, Alter] = {
    "camera-black": lambda picture: changed(picture, 0.0),
    "camera-covered": covered,
    "camera-over-exposed": lambda picture: changed(picture, 1.0, 230.0),
    "camera-too-dark": lambda picture: changed(picture, 14.0 / max(1.0, float(picture.mean()))),
    "camera-out-of-focus": lambda picture: np.asarray(cv2.GaussianBlur(picture, (0, 0), 6), np.uint8),
    "camera-moved": moved,
}


@pytest.fixture(scope="module", params=CLIPS)
def pictures(request: pytest.FixtureRequest) -> list[Picture]:
    folder = Path(__file__).parent.parent.parent / "shared" / "data" / "video"
    if not folder.is_dir():
        pytest.skip("../shared (real recordings) is not on this machine")
    with Recording(str(folder / request.param), RATE) as recording:
        return [_small(frame.image) for frame, _ in zip(recording.frames(), range(60), strict=False)]


def _small(picture: Picture) -> Picture:
    return np.asarray(cv2.resize(picture, (400, 300), interpolation=cv2.INTER_AREA), np.uint8)


def live(pictures: list[Picture]) -> Iterator[tuple[float, Picture]]:
    """The clip to and fro for as long as asked, with a sensor's noise, five pictures a second."""
    noise = np.random.default_rng(1)
    order = [*pictures, *reversed(pictures)]
    for index in range(int((SEEN + TROUBLED + AFTER) * RATE)):
        grain = noise.integers(-1, 2, order[0].shape, dtype=np.int16)
        yield index / RATE, np.clip(order[index % len(order)] + grain, 0, 255).astype(np.uint8)


def faults(shown: Iterator[tuple[float, Picture]]) -> list[Event]:
    health = CameraHealth("cam", 5.0)
    return [event for at, picture in shown for event in health.look(Frame("cam", picture, at, at))]


def in_time(found: list[Event], reason: str) -> None:
    assert [(event.reason, event.active) for event in found] == [("normal", False), (reason, True), ("normal", False)]
    assert SEEN <= found[1].at <= SEEN + 10
    assert SEEN + TROUBLED <= found[2].at <= SEEN + TROUBLED + 10


@pytest.mark.parametrize("reason", ALTERED)
def test_a_camera_that_cannot_see_is_a_fault_and_over_when_it_sees(pictures: list[Picture], reason: str) -> None:
    def shown() -> Iterator[tuple[float, Picture]]:
        for at, picture in live(pictures):
            yield at, ALTERED[reason](picture) if SEEN <= at < SEEN + TROUBLED else picture

    in_time(faults(shown()), reason)


def test_the_same_picture_again_is_a_frozen_camera(pictures: list[Picture]) -> None:
    def shown() -> Iterator[tuple[float, Picture]]:
        kept = pictures[0]
        for at, picture in live(pictures):
            kept = picture if at < SEEN else kept
            yield at, kept if at < SEEN + TROUBLED else picture

    in_time(faults(shown()), "camera-frozen")


def test_too_few_pictures_are_a_slow_camera(pictures: list[Picture]) -> None:
    def shown() -> Iterator[tuple[float, Picture]]:
        for index, (at, picture) in enumerate(live(pictures)):
            if not SEEN <= at < SEEN + TROUBLED or index % 6 == 0:
                yield at, picture

    in_time(faults(shown()), "camera-slow")


def test_a_camera_that_sees_is_no_fault(pictures: list[Picture]) -> None:
    assert [(event.reason, event.active) for event in faults(live(pictures))] == [("normal", False)]
