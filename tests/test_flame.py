"""A flame is told under a camera's exposure and tint; what is coloured like one, or passes such a thing, is not."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from config.cameras import FireSection
from detectors.flame import FireWatch
from detectors.levels import Levels

Picture = NDArray[np.uint8]
NOISE = np.random.default_rng(4)
PLACE: Picture = np.kron(NOISE.integers(40, 210, (9, 16, 1)), np.ones((20, 20, 3))).astype(np.uint8)
SUNLIT = (150, 215, 250)  # a path in the low sun: B, G, R


def noisy(picture: Picture) -> Picture:
    return np.clip(picture + NOISE.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)


def flame(index: int) -> Picture:
    """Draw tongues that leap, hot within."""
    picture = PLACE.copy()
    random = np.random.default_rng(index)
    for number in range(4):
        x, height = 150 + 12 * number + int(random.integers(-4, 5)), int(random.integers(15, 50))
        cv2.ellipse(picture, (x, 120 - height // 2), (9, height // 2), 0, 0, 360, (30, 140, 255), -1)
        cv2.ellipse(picture, (x, 118 - height // 4), (5, height // 4), 0, 0, 360, (120, 230, 255), -1)
    return noisy(picture)


def passers(index: int) -> Picture:
    """Draw people who pass a sunlit path in dark clothes, one after the other, after a while without them."""
    picture = PLACE.copy()
    picture[80:130, 60:260] = SUNLIT
    if index > 40:
        for number in range(6):
            x = 60 + (index * 6 + number * 37) % 200
            picture[70:125, x : x + 8] = (40, 40, 45)
    return noisy(picture)


def orange_coat(index: int) -> Picture:
    """Draw somebody in a bright orange coat who walks through."""
    picture = PLACE.copy()
    x = 20 + index * 4 % 260
    picture[90:115, x : x + 12] = (20, 120, 250)
    return noisy(picture)


def light(gain: float, more: float, tint: tuple[float, float, float] = (1, 1, 1)) -> Callable[[Picture], Picture]:
    return lambda picture: np.clip(picture * (gain * np.array(tint)) + more, 0, 255).astype(np.uint8)


def advisories(draw: Callable[[int], Picture], seen: Callable[[Picture], Picture]) -> list[float]:
    watch = FireWatch("cam", FireSection(on=True))
    return [e.at for index in range(90) for e in watch.look(seen(draw(index)), index / 10) if e.active]


SEEN = [
    pytest.param(light(1, 0), id="well set"),
    pytest.param(light(0.6, 10), id="dark and flat"),
    pytest.param(light(0.45, 0), id="very dark"),
    pytest.param(light(0.7, 60), id="hazy"),
    pytest.param(light(1.3, -20), id="harsh"),
    pytest.param(light(1, 0, (0.8, 1.0, 1.15)), id="too warm"),
    pytest.param(light(1, 0, (1.15, 1.0, 0.85)), id="too cold"),
]


@pytest.mark.parametrize("seen", SEEN)
def test_a_flame_is_told_once_within_ten_seconds_however_the_camera_is_set(seen: Callable[[Picture], Picture]) -> None:
    told = advisories(flame, seen)
    assert len(told) == 1
    assert told[0] <= 10


@pytest.mark.parametrize("draw", [passers, orange_coat])
@pytest.mark.parametrize("seen", SEEN[::2])
def test_what_only_has_the_colour_of_a_flame_is_none(
    draw: Callable[[int], Picture], seen: Callable[[Picture], Picture]
) -> None:
    assert advisories(draw, seen) == []


def test_levels_keep_what_is_overdriven_and_follow_slowly() -> None:
    levels = Levels()
    place = light(0.6, 10, (0.8, 1.0, 1.15))(PLACE)
    assert np.quantile(levels.apply(place, 0.0), 0.995) > 230
    assert levels.apply(np.full((20, 20, 3), 255, np.uint8), 0.1).min() == 255
    middle = levels.apply(place, 0.2)[PLACE[..., 0] > 100].mean(axis=0)
    assert middle.max() - middle.min() < 25  # grey is grey again
