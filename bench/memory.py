"""Memory of a camera's detectors over a million pictures (half an hour to an hour of one core): it must stay flat.

Four clips of four sizes take turns, watched by one line and one zone, which are laid anew
at each change. Time goes on by a tenth of a second a picture: 28 hours in all.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from agent.camera_tally import Tally
from bench.crossings import VIDEO, Clip, flat
from config.cameras import CameraSection, LineSection, ZoneSection
from detectors.camera_watch import CameraWatch, people_detector
from drivers.recording import Recording
from drivers.samples import Frame

PICTURES = 1_000_000
EVERY = 10_000
PERIOD_S = 0.1
EVERY_PICTURE = 1000.0  # a second: none is left out
SETTLED = 0.1  # of all pictures: until then libraries still take what they keep
ZONE = (0.0, 400.0, 330.0, 400.0, 430.0, 470.0, 560.0, 575.0, 0.0, 575.0)  # of vtest, scaled for the others


def without_end(clips: list[Clip], size: tuple[int, int]) -> Iterator[Frame]:
    """Yield the pictures of all clips again and again, as one camera would that changes its size."""
    number = 0
    while True:
        for clip in clips:
            with Recording(str(VIDEO / clip["file"]), EVERY_PICTURE) as recording:
                for frame in recording.frames():
                    number += 1
                    at = number * PERIOD_S
                    yield replace(frame, at=at, utc=at, index=number, drawn_on=size)


def measured(clips: list[Clip]) -> list[tuple[int, float]]:
    """Return how many pictures were looked at, and the resident memory in MB, again and again."""
    first = clips[0]
    size = (int(first["width"]), int(first["height"]))
    camera = CameraSection(
        id="c",
        name="c",
        source="x",
        drawn_on=size,
        line=(LineSection(id="l", name="l", line=flat(first["line"])),),
        zone=(ZoneSection(id="z", name="z", zone=ZONE),),
    )
    watch, tally, process = CameraWatch(camera, people_detector(camera)), Tally(camera), psutil.Process()
    sizes: list[tuple[int, float]] = []
    began = time.monotonic()
    for frame in without_end(clips, size):
        tally.seen(frame.at)
        for finding in watch.update(frame):
            tally.found(finding)
        tally.due(frame.at)
        if frame.index % EVERY == 0:
            gc.collect()
            sizes.append((frame.index, process.memory_info().rss / 1e6))
            if frame.index % (10 * EVERY) == 0:
                sys.stdout.write(f"{frame.index} {sizes[-1][1]:.1f} MB {time.monotonic() - began:.0f} s\n")
                sys.stdout.flush()
        if frame.index >= PICTURES:
            break
    return sizes


def main() -> None:
    """Print the table and write bench/out/memory.json."""
    if not VIDEO.is_dir():
        sys.exit("memory: ../shared/data/video is not on this machine")
    cv2.setNumThreads(1)
    clips: list[Clip] = json.loads((VIDEO / "truth.json").read_text(encoding="utf-8"))
    sizes = measured([clip for clip in clips if clip["task"] == "count"])
    settled = np.array([row for row in sizes if row[0] >= SETTLED * PICTURES])
    slope = float(np.polyfit(settled[:, 0] / PICTURES, settled[:, 1], 1)[0])
    figures = {
        "pictures": sizes[-1][0],
        "mb_first": sizes[0][1],
        "mb_settled": float(settled[0, 1]),
        "mb_last": sizes[-1][1],
        "mb_most": max(mb for _, mb in sizes),
        "slope_mb_per_million": slope,
    }
    table = Table("figure", "measured", "goal", title=f"memory over {sizes[-1][0]:,} pictures, line and zone")
    table.add_row(
        "after the first 10,000 / a tenth / the last",
        f"{sizes[0][1]:.1f} / {settled[0, 1]:.1f} / {sizes[-1][1]:.1f} MB",
        "",
    )
    table.add_row("most", f"{figures['mb_most']:.1f} MB", "< 110 MB")
    table.add_row("slope after the first tenth", f"{slope:+.2f} MB a million pictures", "flat")
    Console(width=120).print(table)
    out = Path(__file__).parent / "out"
    out.mkdir(exist_ok=True)
    (out / "memory.json").write_text(json.dumps({**figures, "course": sizes}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
