"""The curve of people out over time as SVG: the same drawing on the board, the result and the printed record.

Drawn on the server because one piece of code then serves screen and paper, needs no library on the page,
stays sharp at any size and can be tested without a browser. Colours are the style sheet's business.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from server.drills.results import Phase, Result, Step

NICE = (10, 15, 20, 30, 60, 120, 180, 300, 600, 900, 1800)
MOST_POINTS = 400


@dataclass(frozen=True, slots=True)
class Sheet:
    """Size and margins of the picture in its own units, a line of text's height, most ticks of time."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    line: int
    ticks: int


PAGE = Sheet(960, 360, 60, 130, 24, 40, 18, 8)
BOARD = Sheet(640, 270, 66, 170, 62, 42, 30, 4)
"""For the projector: the same curve with letters that are read from the back of the hall."""


@dataclass(frozen=True, slots=True)
class Words:
    """The texts in the picture, in the reader's language."""

    title: str
    target: str
    total: str
    people: str


@dataclass(frozen=True, slots=True)
class _Scale:
    seconds: float
    people: int
    sheet: Sheet

    @property
    def right(self) -> int:
        """Return where the plot ends."""
        return self.sheet.width - self.sheet.right

    @property
    def floor(self) -> int:
        """Return where nobody is out."""
        return self.sheet.height - self.sheet.bottom

    def x(self, seconds: float) -> float:
        share = min(max(seconds, 0.0), self.seconds) / self.seconds
        return round(self.sheet.left + share * (self.right - self.sheet.left), 1)

    def y(self, people: float) -> float:
        return round(self.floor - max(people, 0) / self.people * (self.floor - self.sheet.top), 1)


def svg(found: Result, words: Words, now_s: float | None = None, sheet: Sheet = PAGE) -> str:
    """Draw the drill; while it runs the lines go on to `now_s`, seconds after the signal."""
    targets = sorted({s.target_s for s in found.stages if s.target_s is not None})
    ends = [found.steps[-1].seconds if found.steps else 0.0, *targets, now_s or 0.0]
    scale = _Scale(max(30.0, *(e * 1.04 for e in ends)), max(found.expected, found.count.net, 1), sheet)
    until = now_s if now_s is not None else max((s.seconds for s in found.steps[-1:]), default=0.0)
    parts = [
        f'<svg class="curve" viewBox="0 0 {sheet.width} {sheet.height}" role="img" xmlns="http://www.w3.org/2000/svg">',
        f"<title>{escape(words.title)}</title>",
        *_grid(scale, words),
        *(_target(scale, t, words) for t in targets),
        *_marks(found, scale),
    ]
    labels: list[tuple[float, str, int]] = []
    for i, exit_ in enumerate(found.exits):
        parts.append(f'<path class="exit exit-{i % 6}" d="{_path(exit_.steps, scale, until)}"/>')
        labels.append((scale.y(exit_.count.net), f"{exit_.name} {exit_.count.net}", i % 6))
    parts.append(f'<path class="total" d="{_path(found.steps, scale, until)}"/>')
    labels.append((scale.y(found.count.net), f"{words.total} {found.count.net}", -1))
    parts += _labels(labels, scale.x(until), scale)
    return "".join([*parts, "</svg>"])


def _grid(scale: _Scale, words: Words) -> list[str]:
    sheet, right, floor = scale.sheet, scale.right, scale.floor
    step = next((n for n in NICE if scale.seconds / n <= sheet.ticks), NICE[-1])
    parts: list[str] = []
    for seconds in range(0, int(scale.seconds) + 1, step):
        x = scale.x(seconds)
        parts.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{sheet.top}" y2="{floor}"/>')
        label = f"{seconds // 60}:{seconds % 60:02d}"
        parts.append(f'<text class="tick" x="{x}" y="{floor + sheet.line}" text-anchor="middle">{label}</text>')
    for people in sorted({0, math.ceil(scale.people / 2), scale.people}):
        y = scale.y(people)
        parts.append(f'<line class="grid" x1="{sheet.left}" x2="{right}" y1="{y}" y2="{y}"/>')
        low = y + sheet.line * 0.3
        parts.append(f'<text class="tick" x="{sheet.left - 8}" y="{low:.1f}" text-anchor="end">{people}</text>')
    unit = escape(words.people)
    parts.append(f'<text class="tick" x="{sheet.left + 6}" y="{0.9 * sheet.line:.1f}">{unit}</text>')
    return parts


def _target(scale: _Scale, seconds: float, words: Words) -> str:
    x, top, above = scale.x(seconds), scale.sheet.top, 0.9 * scale.sheet.line  # clear of the curve's own names
    text = f"{words.target} {int(seconds) // 60}:{int(seconds) % 60:02d}"
    return (
        f'<line class="target" x1="{x}" x2="{x}" y1="{top}" y2="{scale.floor}"/>'
        f'<text class="target" x="{x - 6}" y="{above:.1f}" text-anchor="end">{escape(text)}</text>'
    )


def _marks(found: Result, scale: _Scale) -> list[str]:
    """Where 50 %, 95 % and the last were out."""
    parts: list[str] = []
    if found.phase is not Phase.FINISHED:
        return parts  # a share of whom is out so far would mislead
    marks = (("50%", found.half, 0.5, -8), ("95%", found.most, 0.95, 18), ("100%", found.clear, 1.0, -8))
    for name, span, share, beside in marks:
        if span is None:
            continue
        x, y = scale.x(span.seconds), scale.y(found.count.net * share)
        parts.append(f'<circle class="mark" cx="{x}" cy="{y}" r="5"/>')
        parts.append(f'<text class="mark" x="{x - 9}" y="{y + beside}" text-anchor="end">{name}</text>')
    return parts


def _path(steps: Sequence[Step], scale: _Scale, until: float) -> str:
    """A stair line; where there are more steps than pixels, those that share one are drawn as their last."""
    kept: dict[float, Step] = {}
    for step in steps:
        if step.seconds <= until:
            kept[round(scale.x(step.seconds)) if len(steps) > MOST_POINTS else step.seconds] = step
    line = [f"M{scale.x(0)} {scale.y(0)}"]
    line += [f"H{scale.x(step.seconds)}V{scale.y(step.net)}" for step in kept.values()]
    line.append(f"H{scale.x(until)}")
    return "".join(line)


def _labels(labels: Sequence[tuple[float, str, int]], x: float, scale: _Scale) -> list[str]:
    """Names at the ends of their lines, moved apart so that none covers another."""
    parts: list[str] = []
    line = scale.sheet.line
    floor = scale.floor + 0.8 * line
    for y, text, i in sorted(labels, reverse=True):
        placed = min(y + 0.3 * line, floor - line)
        floor = placed
        name = "total" if i < 0 else f"exit exit-{i}"
        parts.append(f'<text class="{name}" x="{x + 8}" y="{placed:.1f}">{escape(text)}</text>')
    return parts
