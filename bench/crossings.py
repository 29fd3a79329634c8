"""Crossings on real clips with known truth: play a clip, match what was told with what is true."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.row import Row
from config.cameras import CameraSection, LineSection, ModelSection
from detectors.camera_watch import CameraWatch, people_detector
from detectors.findings import Crossing, Finding
from drivers.recording import Recording

SHARED = Path(__file__).parent.parent.parent / "shared" / "data"
VIDEO, MODELS = SHARED / "video", SHARED / "models"
FURTHER = Path(__file__).parent / "truth_vtest.json"  # lines and truth of our own; its head says how it was made
TOLERANCE_S = 1.0

Clip = dict[str, Any]
Told = tuple[float, str]  # seconds, which way


@dataclass(frozen=True, slots=True)
class Tally:
    """What a line counted, against what is true."""

    right: int = 0
    true: int = 0
    extra: int = 0
    doubtful: int = 0  # counted where nobody can say what is right

    def __add__(self, other: Tally) -> Tally:
        """Count both."""
        return Tally(
            self.right + other.right,
            self.true + other.true,
            self.extra + other.extra,
            self.doubtful + other.doubtful,
        )

    def row(self, name: str, goal: str = "") -> Row:
        """Say it."""
        share = 100 * self.right / max(self.true, 1)
        text = f"{self.right} of {self.true} right ({share:.0f} %), {self.true - self.right} missed, {self.extra} extra"
        figures = {"right": self.right, "true": self.true, "extra": self.extra}
        if self.doubtful:
            text, figures["doubtful"] = f"{text}, {self.doubtful} doubtful", self.doubtful
        return Row(name, text, goal, figures)


def flat(points: Sequence[Sequence[float]]) -> Any:
    """Return pairs as one flat tuple."""
    return tuple(float(value) for point in points for value in point)


def play(clip: Clip, **parts: Any) -> list[Finding]:
    """Run one clip through the detectors that run live."""
    camera = CameraSection(id="clip", name="clip", source=str(VIDEO / clip["file"]), **parts)
    watch = CameraWatch(camera, people_detector(camera))
    with Recording(camera.source, camera.frames_per_s) as recording:
        return [finding for frame in recording.frames() for finding in watch.update(frame)]


def pairs(true: Sequence[Told], found: Sequence[Told]) -> list[tuple[int, int]]:
    """Return who was found, as true one and found one: within a second and in the same direction, each once."""
    near = sorted(
        (abs(a[0] - b[0]), i, j)
        for i, a in enumerate(true)
        for j, b in enumerate(found)
        if a[1] == b[1] and abs(a[0] - b[0]) <= TOLERANCE_S
    )
    left, right = set[int](), set[int]()
    result: list[tuple[int, int]] = []
    for _, i, j in near:
        if i not in left and j not in right:
            left.add(i)
            right.add(j)
            result.append((i, j))
    return result


def matched(true: Sequence[Told], found: Sequence[Told]) -> int:
    """How many of the true ones were found."""
    return len(pairs(true, found))


def told(found: Sequence[Finding]) -> list[Told]:
    """When and which way, once for each person that was counted."""
    return [(f.at, f.direction.value) for f in found if isinstance(f, Crossing) for _ in range(f.count)]


def tally(clip: Clip, found: Sequence[Told]) -> Tally:
    """Compare what was counted with what is true; what is doubtful counts neither way."""
    true = [(event["t"], event["dir"]) for event in clip["truth"]["events"]]
    good = pairs(true, found)
    left_over = [at for j, (at, _) in enumerate(found) if j not in {j for _, j in good}]
    spans = [(d["from"] - TOLERANCE_S, d["to"] + TOLERANCE_S) for d in clip.get("doubtful", ())]
    doubtful = sum(any(a <= at <= b for a, b in spans) for at in left_over)
    return Tally(len(good), len(true), len(left_over) - doubtful, doubtful)


def judged(clip: Clip, model: ModelSection | None) -> Tally:
    """Count one line of one clip alone."""
    line = LineSection(id="l", name="l", line=flat(clip["line"]))
    return tally(clip, told(play(clip, line=(line,), model=model)))


def further_lines() -> list[Clip]:
    """Return the lines whose truth is ours."""
    truth: Clip = json.loads(FURTHER.read_text(encoding="utf-8"))
    return [{"file": truth["file"], **line} for line in truth["lines"]]


def crossings(clips: Sequence[Clip], model: ModelSection | None) -> list[Row]:
    """Count people on the open clips, and on further lines of one of them."""
    mode = model.path.name if model else "motion"
    goal = ">= 55 right, <= 2 extra" if model else ">= 53 right, <= 3 extra"
    tallies = [judged(clip, model) for clip in clips]
    rows = [sum(tallies, Tally()).row(f"crossings, {mode}", goal)]
    rows += [one.row(f"  {clip['file']}") for clip, one in zip(clips, tallies, strict=True)]
    lines = further_lines()
    same = [one for clip, one in zip(clips, tallies, strict=True) if clip["file"] == lines[0]["file"]]
    more = [judged(line, model) for line in lines]
    goal = ">= 98 % right, <= 3 extra" if model else ">= 91 % right, <= 3 extra"
    rows.append(sum([*same, *more], Tally()).row(f"crossings, {len(same + more)} lines of one clip, {mode}", goal))
    return [*rows, *(one.row(f"  {line['name']}") for line, one in zip(lines, more, strict=True))]
