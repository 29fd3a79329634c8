"""Ranks are numpy's, without what numpy loads for them."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from detectors.ranks import median, ranked


@pytest.mark.parametrize("size", [1, 2, 7, 144])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.67, 0.995, 1.0])
def test_a_rank_is_what_numpy_says(size: int, share: float) -> None:
    values = np.random.default_rng(size).normal(0, 9, size)
    assert ranked(values, share) == pytest.approx(float(np.quantile(values, share)))
    assert median(values) == pytest.approx(float(np.median(values)))


WATCHING = """
import sys
import numpy as np
from config.cameras import CameraSection, FireSection, LineSection, ZoneSection
from detectors.camera_watch import CameraWatch, people_detector
from drivers.samples import Frame
line = LineSection(id="l", name="l", line=(160, 0, 160, 239))
zone = ZoneSection(id="z", name="z", zone=(0, 120, 319, 120, 319, 239, 0, 239))
camera = CameraSection(id="c", name="c", source="x", line=(line,), zone=(zone,), fire=FireSection(on=True, smoke=True))
watch = CameraWatch(camera, people_detector(camera))
place = np.random.default_rng(1).integers(90, 150, (240, 320, 3)).astype(np.uint8)
for number in range(240):
    picture = place.copy()
    x = (number * 8) % 400 - 40
    picture[80:140, max(0, x) : max(0, x + 40)] = 20
    watch.update(Frame("c", picture, number / 10, 0.0, number))
print("numpy.ma" in sys.modules)
"""


def test_a_cameras_process_loads_no_masked_arrays() -> None:
    told = subprocess.run([sys.executable, "-c", WATCHING], capture_output=True, text=True, check=True, timeout=120)
    assert told.stdout.strip() == "False"
