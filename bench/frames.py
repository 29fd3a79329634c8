"""Frames a second of the counting pipeline on a real clip, one thread, beside the bare background model."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
from rich.console import Console
from rich.table import Table

from config.cameras import CameraSection, LineSection
from detectors.camera_watch import CameraWatch, people_detector
from drivers.recording import Recording
from drivers.samples import Frame

CLIPS = (
    Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi"),  # Debian's opencv-doc
    Path(__file__).parents[2] / "shared" / "data" / "video" / "count_vtest.avi",
)
LINE = (340, 150, 340, 575)


def main() -> None:
    """Measure, print one table, write JSON."""
    cv2.setNumThreads(1)
    clip = next(clip for clip in CLIPS if clip.exists())
    with Recording(str(clip)) as recording:
        frames = list(recording.frames())
    camera = CameraSection(id="c", name="c", source=str(clip), line=(LineSection(id="l", name="l", line=LINE),))
    watch = CameraWatch(camera, people_detector(camera))
    bare: Any = cv2.createBackgroundSubtractorMOG2()
    small: Any = cv2.createBackgroundSubtractorMOG2()
    figures = {
        "counting pipeline": _rate(frames, watch.update),
        "bare MOG2, full size": _rate(frames, lambda frame: bare.apply(frame.image)),
        "bare MOG2, 320x240": _rate(frames, lambda frame: small.apply(cv2.resize(frame.image, (320, 240)))),
    }
    table = Table("part", "frames/s", title=f"{clip.name}, {len(frames)} frames, one thread, decoding left out")
    for part, rate in figures.items():
        table.add_row(part, f"{rate:.0f}")
    Console().print(table)
    out = Path(__file__).parent / "out"
    out.mkdir(exist_ok=True)
    (out / "frames.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")


def _rate(frames: Sequence[Frame], work: Callable[[Frame], object]) -> float:
    began = time.perf_counter()
    for frame in frames:
        work(frame)
    return len(frames) / (time.perf_counter() - began)
