"""Cameras on pictures nobody tuned for: the open clips mirrored, darker, harsher, noisy, smaller, later, re-encoded.

Motion mode, one setting. Each clip is decoded once and shown to one watch a variation: line, zone and fire together.
Left out to keep to minutes: the indoor clip after 75 s, the doll's house after 15 s, the candle, the network mode.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from bench.crossings import VIDEO, Clip, flat, matched, told
from bench.vision import visits_of
from config.cameras import CameraSection, FireSection, LineSection, ZoneSection
from detectors.camera_watch import CameraWatch, people_detector
from detectors.findings import Event, Finding
from drivers.recording import Recording
from drivers.samples import Frame

Picture = NDArray[np.uint8]
ENDS_S = {"zone_indoor_onebyone.mp4": 75.0, "fire_dollhouse_furg6.mp4": 15.0, "neg_waving_trees.mp4": 60.0}
SLOW = 5.0  # pictures a second: fewer are a fault
NOBODY = ("neg_tree_wind.mp4", "neg_sunset_sea.mp4", "neg_cars.mp4", "neg_pond_swans.mp4", "neg_waving_trees.mp4")
"""Clips with nobody in them: watched by the zone that is given, else over the whole picture, which is harder."""


@dataclass(frozen=True, slots=True)
class Variation:
    """How a clip is changed before anything looks."""

    name: str
    change: Callable[[Picture, int], Picture] = lambda picture, _: picture
    scale: float = 1.0
    mirrored: bool = False
    later_s: float = 0.0

    def place(self, points: Sequence[Sequence[float]], width: int) -> Any:
        """Return where points of the clip lie in the changed picture, flat."""
        return flat([[self.scale * (width - 1 - x if self.mirrored else x), self.scale * y] for x, y in points])

    def way(self, direction: str) -> str:
        """Return the direction of motion in the changed picture."""
        turned = {"left": "right", "right": "left"} if self.mirrored else {}
        return turned.get(direction, direction)


def light(gain: float, more: float) -> Callable[[Picture, int], Picture]:
    """Change contrast and brightness."""
    return lambda picture, _: cv2.convertScaleAbs(np.maximum(picture * gain + more, 0)).astype(np.uint8)


def noisy(sigma: float) -> Callable[[Picture, int], Picture]:
    """Add the noise of a small sensor at night, other for each picture and colour."""
    grain = np.random.default_rng(5).normal(0, sigma, (1000, 1000, 3)).astype(np.int16)

    def change(picture: Picture, number: int) -> Picture:
        (height, width), (down, right) = picture.shape[:2], (number * 37 % 200, number * 91 % 200)
        return np.clip(picture + grain[down : down + height, right : right + width], 0, 255).astype(np.uint8)

    return change


def encoded(quality: int) -> Callable[[Picture, int], Picture]:
    """Go through JPEG."""

    def change(picture: Picture, _: int) -> Picture:
        data = cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, quality))[1]
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)

    return change


def smaller(picture: Picture, _: int) -> Picture:
    """Return three quarters of the width and height."""
    return cv2.resize(picture, None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA).astype(np.uint8)


VARIATIONS = (
    Variation("as recorded"),
    Variation("mirrored", lambda picture, _: np.ascontiguousarray(picture[:, ::-1]), mirrored=True),
    Variation("darker and flatter (0.6 x + 10)", light(0.6, 10)),
    Variation("harsher (1.3 x - 20)", light(1.3, -20)),
    Variation("sensor noise, sigma 6", noisy(6)),
    Variation("scaled by 0.75", smaller, scale=0.75),
    Variation("begun 2.5 s later", later_s=2.5),
    Variation("JPEG of quality 40", encoded(40)),
)


@dataclass(slots=True)
class Score:
    """Sums over all clips of one variation."""

    crossings: int = 0
    right: int = 0
    extra: int = 0
    visits: int = 0
    visits_right: int = 0
    visits_told: int = 0
    false_presence: int = 0
    fires: int = 0
    fires_found: int = 0
    false_advisories: int = 0
    faults: int = 0  # that nobody staged
    slow: int = 0  # clips of too few pictures a second
    slow_told: int = 0


def camera_of(clips: Sequence[Clip], variation: Variation) -> CameraSection:
    """Watch all that is known of a file: its line, its zone, and flames."""
    file, width, height = clips[0]["file"], clips[0]["width"], clips[0]["height"]
    lines, zones = ([clip[shape] for clip in clips if clip[shape]] for shape in ("line", "polygon"))
    if file in NOBODY and not zones:
        zones = [[[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]]]
    return CameraSection(
        id="clip",
        name="clip",
        source=str(VIDEO / file),
        line=tuple(LineSection(id="l", name="l", line=variation.place(line, width)) for line in lines),
        zone=tuple(ZoneSection(id="z", name="z", zone=variation.place(zone, width)) for zone in zones),
        fire=FireSection(on=True),
    )


def play(clips: Sequence[Clip]) -> list[list[Finding]]:
    """Show one file to all variations; return what each found."""
    cameras = [camera_of(clips, variation) for variation in VARIATIONS]
    watches = [CameraWatch(camera, people_detector(camera)) for camera in cameras]
    found: list[list[Finding]] = [[] for _ in VARIATIONS]
    end_s = ENDS_S.get(clips[0]["file"], float("inf"))
    with Recording(cameras[0].source, cameras[0].frames_per_s) as recording:
        for frame in recording.frames():
            if frame.at >= end_s:
                break
            for variation, watch, told_so_far in zip(VARIATIONS, watches, found, strict=True):
                if frame.at >= variation.later_s:
                    picture = variation.change(frame.image.copy(), frame.index)
                    told_so_far.extend(watch.update(Frame("clip", picture, frame.at, frame.utc, frame.index)))
    return found


def add(score: Score, clips: Sequence[Clip], found: Sequence[Finding], variation: Variation) -> None:
    """Compare what was found with what is true."""
    file, began = clips[0]["file"], variation.later_s
    end = ENDS_S.get(file, float("inf"))
    slow = clips[0]["fps"] < SLOW  # is told of, and rightly
    faults = [f.reason for f in found if isinstance(f, Event) and f.active and f.kind == "fault"]
    score.faults += sum(not (slow and reason == "camera-slow") for reason in faults)
    score.slow_told += slow and "camera-slow" in faults
    score.slow += slow
    for truth in (clip["truth"] for clip in clips):
        if "events" in truth:
            true = [(e["t"], variation.way(e["dir"])) for e in truth["events"] if began <= e["t"]]
            said = told(found)
            good = matched(true, said)
            score.crossings, score.right, score.extra = (
                score.crossings + len(true),
                score.right + good,
                score.extra + len(said) - good,
            )
        if "intervals" in truth:
            _add_visits(score, [(a, b) for a, b in truth["intervals"] if began <= a and b <= end], visits_of(found))
        if onset := truth.get("flame_intervals"):
            seen = [f.at for f in found if isinstance(f, Event) and f.kind == "flame" and f.active]
            burning = max(onset[0][0], began)
            score.fires += 1
            score.fires_found += any(burning <= at <= burning + 10 for at in seen)
            score.false_advisories += sum(at < onset[0][0] for at in seen)
    if not any(clip["truth"].get("flame_intervals") for clip in clips):
        score.false_advisories += sum(isinstance(f, Event) and f.kind == "flame" and f.active for f in found)
    if file in NOBODY:
        score.false_presence += bool(visits_of(found))


def _add_visits(score: Score, true: Sequence[tuple[float, float]], found: Sequence[tuple[float, float]]) -> None:
    score.visits += len(true)
    score.visits_right += sum(any(abs(a - t) <= 1 and abs(b - u) <= 1.5 for a, b in found) for t, u in true)
    score.visits_told += len(found)


def main() -> None:
    """Print the table and write bench/out/variations.json."""
    if not VIDEO.is_dir():
        sys.exit("variations: ../shared/data/video is not on this machine")
    cv2.setNumThreads(1)
    files: dict[str, list[Clip]] = {}
    for clip in json.loads((VIDEO / "truth.json").read_text(encoding="utf-8")):
        if not clip["truth"].get("borderline"):
            files.setdefault(clip["file"], []).append(clip)
    scores = [Score() for _ in VARIATIONS]
    began = time.process_time()
    for clips in files.values():
        for score, found, variation in zip(scores, play(clips), VARIATIONS, strict=True):
            add(score, clips, found, variation)
    took = time.process_time() - began
    columns = ("crossings", "extra", "missed", "visits", "told", "false presence", "flames", "false", "faults", "slow")
    table = Table("variation", *columns, title=f"{len(files)} clips, motion mode, {took:.0f} s of CPU")
    for s, variation in zip(scores, VARIATIONS, strict=True):
        cells = (
            f"{s.right} of {s.crossings}", s.extra, s.crossings - s.right, f"{s.visits_right} of {s.visits}",
            s.visits_told, f"{s.false_presence} of {len(NOBODY)}", f"{s.fires_found} of {s.fires}", s.false_advisories,
            s.faults, f"{s.slow_told} of {s.slow}",
        )  # fmt: skip
        table.add_row(variation.name, *map(str, cells))
    Console(width=160).print(table)
    out = Path(__file__).parent / "out"
    out.mkdir(exist_ok=True)
    figures = {v.name: asdict(s) for v, s in zip(VARIATIONS, scores, strict=True)}
    (out / "variations.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
