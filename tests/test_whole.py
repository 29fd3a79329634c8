"""A person takes his looks along when he moves; leaves and waves change in their places."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from cv2.typing import MatLike
from numpy.typing import NDArray

from config.cameras import CameraSection, ZoneSection
from detectors.camera_watch import CameraWatch
from detectors.findings import Event
from detectors.people import People
from detectors.people.background import Foreground
from drivers.samples import Frame

RATE = 10
HEIGHT, WIDTH = 180, 320
NOISE = np.random.default_rng(8)
PLACE = NOISE.integers(60, 200, (HEIGHT, WIDTH), dtype=np.uint8)
COAT = NOISE.integers(0, 255, (60, 20), dtype=np.uint8)
EVERYWHERE = ZoneSection(id="bank", name="bank", zone=(0, 0, 319, 0, 319, 179, 0, 179))
GRAIN = np.zeros((HEIGHT, WIDTH), np.uint8)


def walker(index: int) -> NDArray[np.uint8]:
    picture = PLACE.copy()
    x = 40 + 3 * index
    picture[100:160, x : x + 20] = COAT
    return picture


def branches(index: int) -> NDArray[np.uint8]:
    """Light runs over leaves that stay where they are."""
    picture = PLACE.copy()
    x = 40 + 3 * index
    picture[100:160, x : x + 20] = np.minimum(picture[100:160, x : x + 20] + 40, 255)
    return picture


class Wandering:
    """Boxes that wander, over pictures of either kind."""

    def look_at(self, shapes: object) -> None:
        """Look everywhere."""

    def detect(self, picture: MatLike, at: float, known: object) -> People:
        x = 40.0 + 3 * round(at * RATE)
        grey = cv2.extractChannel(picture, 0)
        return People(np.array([(x, 100, x + 20, 160)]), np.ones(1), Foreground(GRAIN, grey, 1.0, usable=True))

    everybody = detect


@pytest.mark.parametrize(("draw", "told"), [(walker, [False, True]), (branches, [False])])
def test_only_who_moves_as_a_whole_is_present(draw: Callable[[int], NDArray[np.uint8]], told: list[bool]) -> None:
    camera = CameraSection(id="cam", name="cam", source="x", zone=(EVERYWHERE,))
    watch = CameraWatch(camera, Wandering())
    frames = (Frame("cam", np.repeat(draw(i)[..., None], 3, axis=2), i / RATE, 0.0, i) for i in range(70))
    found = [f for frame in frames for f in watch.update(frame) if isinstance(f, Event)]
    assert [event.active for event in found if event.kind == "water-person"] == told
