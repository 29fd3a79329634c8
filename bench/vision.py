"""Cameras: crossings, zone visits and flames on real clips with known truth, speed, and memory."""

from __future__ import annotations

import csv
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from bench.crossings import MODELS, SHARED, VIDEO, Clip, crossings, flat, play
from bench.row import Row
from config.cameras import CameraSection, FireSection, LineSection, ModelSection, ZoneSection
from detectors.camera_watch import CameraWatch, people_detector
from detectors.findings import Crossing, Event, Finding
from detectors.people import People
from detectors.people.model import Network
from drivers.recording import Recording
from drivers.samples import Frame

ROOT = Path(__file__).parent.parent
EXITS = SHARED / "sensors" / "ped_exit"
PEOPLE_MODELS = ("yolox_nano.onnx", "ssdlite_pedestrian.pb")  # a general one, and that of `model get`; minutes each


def visits(clips: Sequence[Clip]) -> list[Row]:
    """Watch zones: every visit once, both ends within a second; on the negatives nobody."""
    rows: list[Row] = []
    for clip in clips:
        found = visits_of(play(clip, zone=(ZoneSection(id="z", name="z", zone=flat(clip["polygon"])),)))
        true = clip["truth"].get("intervals", [])
        hits = sum(any(abs(a - t) <= 1 and abs(b - u) <= 1.5 for a, b in found) for t, u in true)
        worst = max((min(max(abs(a - t), abs(b - u)) for a, b in found) for t, u in true if found), default=0.0)
        text = f"{hits} of {len(true)} visits, {len(found)} told, worst end {worst:.1f} s off"
        figures = {"visits": len(true), "right": hits, "told": len(found), "worst_s": worst}
        rows.append(Row(f"zone, {clip['file']}", text, "all, none split, +- 1 s", figures))
    return rows


def visits_of(found: Sequence[Finding]) -> list[tuple[float, float]]:
    """Pair entries and exits."""
    result: list[tuple[float, float]] = []
    began: float | None = None
    for event in found:
        match event:
            case Event(kind="water-person", reason="present"):
                began = event.at
            case Event(kind="water-person", active=False) if began is not None:
                result.append((began, event.at))
                began = None
            case _:
                pass
    return result if began is None else [*result, (began, float("inf"))]


def fires(clips: Sequence[Clip]) -> list[Row]:
    """Look for flames; every other clip must stay quiet."""
    delays: dict[str, float | None] = {}
    false = 0
    quiet = 0
    for clip in clips:
        seen = [
            e.at
            for e in play(clip, fire=FireSection(on=True))
            if isinstance(e, Event) and e.kind == "flame" and e.active
        ]
        onset = clip["truth"].get("flame_intervals") or []
        if clip["truth"].get("borderline"):
            continue
        if onset:
            after = [at - onset[0][0] for at in seen if at >= onset[0][0]]
            delays[clip["file"]] = after[0] if after else None
            false += sum(at < onset[0][0] for at in seen)
        else:
            quiet += 1
            false += len(seen)
    text = ", ".join(f"{name.split('.')[0]} {'not found' if s is None else f'{s:.1f} s'}" for name, s in delays.items())
    found = sum(s is not None and s <= 10 for s in delays.values())
    return [
        Row(
            "flames found within 10 s",
            f"{found} of {len(delays)}: {text}",
            "all",
            {"found": found, "true": len(delays)},
        ),
        Row(f"flame advisories on {quiet} clips without fire, and before fires", str(false), "0", {"false": false}),
    ]


def exits() -> list[Row]:
    """Real evacuations, every person drawn as a box: 0.4 m is 40 pixels."""
    rows: list[Row] = []
    for path in sorted(EXITS.glob("*_near_exit_tracks.csv")):
        true = [
            float(row["t_s"])
            for row in csv.DictReader(path.with_name(path.name.replace("near_exit_tracks", "crossings")).open())
        ]
        line = LineSection(id="l", name="l", line=(-100, 150, 500, 150))
        camera = CameraSection(id="exit", name="exit", source="x", line=(line,))
        scripted = _Drawn(path)
        watch = CameraWatch(camera, scripted)
        blank = np.zeros((300, 400, 3), np.uint8)
        found = [f for at in scripted.times for f in watch.update(Frame("exit", blank, at, 0.0))]
        out = [f.at for f in found if isinstance(f, Crossing) and f.direction == "down"]
        last = out[-1] - true[-1] if out else float("nan")
        text = f"{len(out)} of {len(true)} ({100 * (len(out) / len(true) - 1):+.1f} %), last {last:+.2f} s"
        rows.append(
            Row(
                f"exit, {path.name[:32]}",
                text,
                "+- 3 %, +- 0.2 s",
                {"counted": len(out), "true": len(true), "last_s": last},
            )
        )
    return rows


class _Drawn:
    """The boxes of a recorded crowd, at 16 pictures a second."""

    def __init__(self, path: Path) -> None:
        rows = list(csv.DictReader(path.open()))
        self.times = sorted({float(row["t_s"]) for row in rows})[:: 1 if "corridor" in path.name else 2]
        self._boxes: dict[float, list[tuple[float, float]]] = {}
        for row in rows:
            place = (float(row["x_m"]) * 100 + 100, 150 - float(row["dist_to_exit_line_m"]) * 100)
            self._boxes.setdefault(float(row["t_s"]), []).append(place)

    def look_at(self, shapes: object) -> None:
        """Look everywhere."""

    def detect(self, picture: object, at: float, known: object) -> People:  # noqa: ARG002
        middles = np.array(self._boxes[at], float).reshape(-1, 2)
        boxes = np.column_stack((middles - 20, middles + 20))
        return People(boxes, np.ones(len(boxes)))

    everybody = detect


def speed(clip: Clip) -> list[Row]:
    """Milliseconds a 640x360 picture, as a ratio to the bare part of it on the same pictures in the same run."""
    with Recording(str(VIDEO / clip["file"])) as recording:
        frames = zip(recording.frames(), range(200), strict=False)
        pictures = [
            Frame("c", cv2.resize(frame.image, (640, 360)).astype(np.uint8), index / 10, 0.0, index)
            for frame, index in frames
        ]
    camera = CameraSection(
        id="c", name="c", source="x", line=(LineSection(id="l", name="l", line=(280, 90, 280, 359)),)
    )
    rows = [_speed("motion", "<= 1.3 x", pictures, camera, cv2.createBackgroundSubtractorMOG2().apply)]
    path = MODELS / "yolox_nano.onnx"
    if path.exists():
        section = ModelSection(path=path)
        camera = camera.model_copy(update={"model": section})
        rows.append(_speed("YOLOX-nano", "<= 1.15 x", pictures[:40], camera, Network(section).people))
    return rows


def _speed(
    name: str, goal: str, pictures: Sequence[Frame], camera: CameraSection, bare: Callable[[Any], object]
) -> Row:
    watch = CameraWatch(camera, people_detector(camera))
    base = _ms(pictures, lambda frame: bare(frame.image))
    whole = _ms(pictures, watch.update)
    text = f"{whole:.2f} ms = {whole / base:.2f} x bare ({base:.2f} ms)"
    return Row(f"{name}, 640x360", text, goal, {"ms": whole, "bare_ms": base})


def _ms(pictures: Sequence[Frame], work: Callable[[Frame], object]) -> float:
    times: list[float] = []
    for picture in pictures:
        began = time.perf_counter()
        work(picture)
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def memory(clip: Clip, mode: str, goal: str, model: ModelSection | None = None) -> list[Row]:
    """Resident memory of a real camera process that plays a clip."""
    camera = CameraSection(
        id="c",
        name="c",
        source=str(VIDEO / clip["file"]),
        line=(LineSection(id="l", name="l", line=flat(clip["line"])),),
        model=model,
    )
    process = psutil.Popen([sys.executable, "-m", "agent.camera"], stdin=-1, stdout=-3, text=True)
    process.stdin.write(camera.model_dump_json() + "\n")
    process.stdin.flush()
    sizes = [_rss(process) for _ in _every(1.0, 20)]
    process.stdin.close()
    process.wait(5)
    text = f"{sizes[9]:.0f} MB after 10 s, {sizes[-1]:.0f} MB after 20 s"
    return [Row(f"memory of a camera process, {mode}", text, goal, {"mb_10s": sizes[9], "mb_20s": sizes[-1]})]


def _rss(process: psutil.Popen) -> float:
    return process.memory_info().rss / 1e6


def _every(seconds: float, times: int) -> Iterator[int]:
    for index in range(times):
        time.sleep(seconds)
        yield index


def main() -> None:
    """Print the table and write bench/out/vision.json."""
    if not VIDEO.is_dir():
        sys.exit("vision: ../shared/data/video is not on this machine")
    cv2.setNumThreads(1)
    clips: list[Clip] = json.loads((VIDEO / "truth.json").read_text(encoding="utf-8"))
    count = [clip for clip in clips if clip["task"] == "count"]
    zones = [clip for clip in clips if clip["polygon"]]
    rows = [*crossings(count, None)]
    for name in PEOPLE_MODELS:
        if (MODELS / name).exists():
            rows += crossings(count, ModelSection(path=MODELS / name))
    rows += [*visits(zones), *fires(clips), *exits(), *speed(count[0]), *memory(count[0], "motion", "< 110 MB, flat")]
    if (path := MODELS / PEOPLE_MODELS[0]).exists():
        rows += memory(count[0], "YOLOX-nano", "< 150 MB, flat", ModelSection(path=path))
    table = Table("what", "measured", "goal", title="cameras: one setting for all")
    for row in rows:
        table.add_row(row.name, row.measured, row.goal)
    Console(width=160).print(table)
    out = ROOT / "bench" / "out" / "vision.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(
        json.dumps([{"name": r.name, "goal": r.goal, **r.figures} for r in rows], indent=1), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
