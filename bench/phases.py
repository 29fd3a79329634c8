"""Crossings as a live camera looks: ten times a second whatever its rate, begun at another moment each time."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
from rich.console import Console
from rich.table import Table

from bench.crossings import VIDEO, Clip, Tally, flat, tally, told
from config.cameras import CameraSection, LineSection
from detectors.camera_watch import CameraWatch, people_detector
from detectors.findings import Finding
from drivers.pace import next_due
from drivers.recording import Recording

BEGUN_S = (0.0, 0.02, 0.04, 0.06, 0.08)
EVERY_PICTURE = 1000.0  # a second: none is left out by the recording


def counted(clip: Clip, begun_s: float) -> Tally:
    """Count one clip, looked at whenever the next picture is due, as `drivers.camera.Camera` does."""
    line = LineSection(id="l", name="l", line=flat(clip["line"]))
    camera = CameraSection(id="clip", name="clip", source=str(VIDEO / clip["file"]), line=(line,))
    watch, period, due = CameraWatch(camera, people_detector(camera)), 1.0 / camera.frames_per_s, begun_s
    found: list[Finding] = []
    with Recording(camera.source, EVERY_PICTURE) as recording:
        for frame in recording.frames():
            if frame.at >= due:
                due = next_due(due, frame.at, period)
                found += watch.update(frame)
    return tally(clip, told(found))


def _words(tallies: Sequence[Tally]) -> str:
    one = sum(tallies, Tally())
    return f"{one.right} of {one.true}, {one.extra} extra"


def main() -> None:
    """Print the table and write bench/out/phases.json."""
    if not VIDEO.is_dir():
        sys.exit("phases: ../shared/data/video is not on this machine")
    cv2.setNumThreads(1)
    truth: list[Clip] = json.loads((VIDEO / "truth.json").read_text(encoding="utf-8"))
    clips = [clip for clip in truth if clip["task"] == "count"]
    table = Table("begun at", *(str(clip["file"]) for clip in clips), "all", title="crossings, ten looks a second")
    figures: dict[str, list[list[int]]] = {}
    for begun_s in BEGUN_S:
        tallies = [counted(clip, begun_s) for clip in clips]
        table.add_row(f"{1000 * begun_s:.0f} ms", *(_words([one]) for one in tallies), _words(tallies))
        figures[f"{begun_s}"] = [[one.right, one.true, one.extra] for one in tallies]
    Console(width=160).print(table)
    out = Path(__file__).parent / "out"
    out.mkdir(exist_ok=True)
    (out / "phases.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
