"""The course of one point as SVG: lowest and highest of every pixel, with the alerts that stood meanwhile.

Drawn on the server: what goes over the wire is at most one stroke a pixel, whatever the span; the page needs no
library and no data of its own, stays sharp on every screen and on paper, and a test can read it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from html import escape
from itertools import pairwise

WIDTH, HEIGHT = 1000, 380
LEFT, RIGHT, TOP, BOTTOM = 64, 14, 16, 34
PIXELS = WIDTH - LEFT - RIGHT
TICKS = 6

Column = tuple[int, float, float]  # pixel, lowest, highest


@dataclass(frozen=True, slots=True)
class Stood:
    """An alert that stood in the span. `end` is None while it stands."""

    begin: datetime
    end: datetime | None
    severity: str
    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A limit of the point's rule."""

    value: float
    severity: str
    text: str


@dataclass(frozen=True, slots=True)
class Span:
    """What the picture shows, and in whose clock."""

    begin: datetime
    end: datetime
    zone: tzinfo

    @property
    def step(self) -> timedelta:
        return (self.end - self.begin) / PIXELS

    def x(self, at: datetime) -> float:
        share = (at - self.begin) / (self.end - self.begin)
        return round(LEFT + min(max(share, 0.0), 1.0) * PIXELS, 1)


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float

    def y(self, value: float) -> float:
        return round(HEIGHT - BOTTOM - (value - self.low) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM), 1)


def svg(
    span: Span,
    columns: Sequence[Column],
    stood: Sequence[Stood],
    title: str,
    zooms: Sequence[tuple[str, str]],
    limits: Sequence[Mark] = (),
    band: Sequence[Column] = (),
) -> str:
    """Draw it; `zooms` are equal parts of the span, each with its address and its name; `band` is what it lay between.

    A band is of estimates: the counted value is one of those that may be true.
    """
    parts = [
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="group" aria-label="{escape(title)}">',
        *(_stood(span, one) for one in stood),
        *_times(span),
    ]
    if columns:
        scale = _scale([*columns, *band], limits)
        parts += [
            *_values(scale),
            *([f'<path class="band" d="{_path(band, scale)}"/>'] if band else []),
            *(_limit(scale, one) for one in limits if scale.low <= one.value <= scale.high),
            f'<path class="course" d="{_path(columns, scale)}"/>',
        ]
    width = PIXELS / max(len(zooms), 1)
    for i, (address, name) in enumerate(zooms):
        parts.append(
            f'<a href="{escape(address)}" aria-label="{escape(name)}"><title>{escape(name)}</title>'
            f'<rect class="zoom" x="{LEFT + i * width:.1f}" y="{TOP}" width="{width:.1f}"'
            f' height="{HEIGHT - TOP - BOTTOM}"/></a>'
        )
    return "".join([*parts, "</svg>"])


def _scale(columns: Sequence[Column], limits: Sequence[Mark]) -> _Scale:
    """Fit what was read and the nearest limit either side: how far off it is is what the picture is for."""
    low, high = min(c[1] for c in columns), max(c[2] for c in columns)
    marks = [one.value for one in limits]
    low, high = (
        max((v for v in marks if v < low), default=low),
        min((v for v in marks if v > high), default=high),
    )
    margin = (high - low) * 0.08 or max(abs(high) * 0.1, 0.5)
    return _Scale(low - margin, high + margin)


def _path(columns: Sequence[Column], scale: _Scale) -> str:
    """One stroke from lowest to highest a pixel, joined where pixels follow each other closely; a hole stays a hole."""
    parts: list[str] = []
    gaps = sorted(b[0] - a[0] for a, b in pairwise(columns))
    usual = gaps[len(gaps) // 2] if gaps else 1
    before: int | None = None
    for pixel, low, high in columns:
        x = LEFT + pixel + 0.5
        joined = before is not None and pixel - before <= 3 * usual
        parts.append(f"{'L' if joined else 'M'}{x} {scale.y(high)}V{scale.y(low) + 0.6:.1f}")
        before = pixel
    return "".join(parts)


def _values(scale: _Scale) -> list[str]:
    parts: list[str] = []
    for value in ticks(scale.low, scale.high):
        y = scale.y(value)
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
            f'<text class="tick" x="{LEFT - 8}" y="{y + 5}" text-anchor="end">{value:.4g}</text>'
        )
    return parts


def ticks(low: float, high: float) -> list[float]:
    """Three to seven round values between two."""
    rough = (high - low) / 5
    size = 10.0 ** math.floor(math.log10(rough))
    step = size * next(m for m in (1, 2, 5, 10) if m * size >= rough)
    first = math.ceil(low / step)
    return [round(i * step, 12) for i in range(first, math.floor(high / step) + 1)]


def _times(span: Span) -> list[str]:
    days = (span.end - span.begin) / timedelta(days=1)
    form = "%H:%M" if days <= 1 else "%m-%d %H:%M" if days <= 8 else "%Y-%m-%d"
    parts: list[str] = []
    for i in range(TICKS + 1):
        at = span.begin + (span.end - span.begin) * i / TICKS
        anchor = "start" if i == 0 else "end" if i == TICKS else "middle"
        text = at.astimezone(span.zone).strftime(form)
        parts.append(f'<text class="tick" x="{span.x(at)}" y="{HEIGHT - 10}" text-anchor="{anchor}">{text}</text>')
    return parts


def _stood(span: Span, one: Stood) -> str:
    begin, end = span.x(one.begin), span.x(one.end or span.end)
    return (
        f'<rect class="stood {escape(one.severity)}" x="{begin}" y="{TOP}" width="{max(end - begin, 2):.1f}"'
        f' height="{HEIGHT - TOP - BOTTOM}"><title>{escape(one.text)}</title></rect>'
    )


def _limit(scale: _Scale, one: Mark) -> str:
    y = scale.y(one.value)
    return (
        f'<line class="limit {escape(one.severity)}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}">'
        f"<title>{escape(one.text)}</title></line>"
        f'<text class="tick limit-text" x="{WIDTH - RIGHT - 4}" y="{y - 4}" text-anchor="end">{escape(one.text)}</text>'
    )
