"""Crowds from above: recorded evacuations drawn as pictures, people merged into blobs, counted by camera."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from cv2.typing import MatLike
from rich.console import Console
from rich.table import Table

from bench.row import Row
from config.cameras import CameraSection, LineSection
from detectors.camera_watch import CameraWatch, people_detector
from detectors.findings import Crossing
from drivers.samples import Frame

ROOT = Path(__file__).parent.parent
EXITS = ROOT.parent / "shared" / "data" / "sensors" / "ped_exit"
RATE = 16
FLOW = 0.5  # the quality of what flow adds
ALONE = 8  # people who pass singly first, as on any day before a drill
PIXELS_M = 100
LINE_Y = 170
CAMERA = CameraSection(
    id="exit",
    name="exit",
    source="x",
    line=(LineSection(id="line", name="line", line=(5, LINE_Y, 435, LINE_Y)),),
    frames_per_s=RATE,
)

Person = tuple[int, int, int]  # number, x, y in pixels


def places(tracks: Path) -> Iterator[list[Person]]:
    """Yield who is where, picture by picture: an empty place, people alone, then the recorded crowd."""
    yield from ([] for _ in range(5 * RATE))
    for number in range(ALONE):
        yield from ([(9000 + number, 140 + 20 * number, round(8.5 * step - 30))] for step in range(3 * RATE))
        yield from ([] for _ in range(3 * RATE // 2))
    crowd: dict[float, list[Person]] = {}
    with tracks.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            x, y = (float(row["x_m"]) + 1.2) * PIXELS_M, LINE_Y - float(row["dist_to_exit_line_m"]) * PIXELS_M
            crowd.setdefault(float(row["t_s"]), []).append((int(row["person_id"]), int(x), int(y)))
    yield from (crowd[at] for at in sorted(crowd)[:: 1 if "corridor" in tracks.name else 2])


def drawn(people: list[Person], floor: MatLike, noise: np.random.Generator) -> MatLike:
    """Draw shoulders of 46 x 28 cm and heads on the floor."""
    picture = floor.copy()
    for number, x, y in people:
        coat = np.random.default_rng(number).choice([30, 50, 70, 180, 200, 220], 3)
        cv2.ellipse(picture, (x, y), (23, 14), 0, 0, 360, coat.tolist(), -1, cv2.LINE_AA)
        cv2.circle(picture, (x, y), 9, (20, 25, 30), -1, cv2.LINE_AA)
    return np.clip(picture.astype(np.int16) + noise.integers(-3, 4, picture.shape), 0, 255).astype(np.uint8)


def exit_of(tracks: Path) -> Row:
    """Count one evacuation."""
    with tracks.with_name(tracks.name.replace("near_exit_tracks", "crossings")).open(encoding="utf-8") as lines:
        true = len(list(csv.DictReader(lines))) + ALONE
    noise = np.random.default_rng(3)
    coarse = noise.integers(100, 140, (48, 64, 3), dtype=np.uint8)
    floor = cv2.resize(coarse, (440, 340), interpolation=cv2.INTER_CUBIC)
    watch = CameraWatch(CAMERA, people_detector(CAMERA))
    out = [
        found
        for index, people in enumerate(places(tracks))
        for found in watch.update(
            Frame("exit", np.asarray(drawn(people, floor, noise), np.uint8), index / RATE, 0.0, index)
        )
        if isinstance(found, Crossing) and found.direction == "down"
    ]
    counted, alone = sum(c.count for c in out), sum(c.count for c in out if c.quality != FLOW)
    low = sum(c.count if c.low is None else c.low for c in out)
    high = sum(c.count if c.high is None else c.high for c in out)
    error = 100 * (counted / true - 1)
    text = f"{counted} of {true} ({error:+.1f} %), said to be {low:.0f} to {high:.0f}; by tracks alone {alone}"
    figures = {"true": true, "counted": counted, "low": low, "high": high, "tracks_alone": alone}
    return Row(tracks.name.removesuffix("_near_exit_tracks.csv"), text, "+- 3 %", figures)


def main() -> None:
    """Print the table and write bench/out/crowds.json."""
    if not EXITS.is_dir():
        sys.exit("crowds: ../shared/data/sensors/ped_exit is not on this machine")
    cv2.setNumThreads(1)
    rows = [exit_of(path) for path in sorted(EXITS.glob("*_near_exit_tracks.csv"))]
    table = Table("exit", "counted", "goal", title="crowds from above, drawn from recorded tracks")
    for row in rows:
        table.add_row(row.name, row.measured, row.goal)
    Console(width=160).print(table)
    out = ROOT / "bench" / "out" / "crowds.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps([{"name": r.name, "goal": r.goal, **r.figures} for r in rows], indent=1), "utf-8")


if __name__ == "__main__":
    main()
