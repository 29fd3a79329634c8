"""A day of a water level as a small SVG: lowest and highest per pixel, so no spike is thinned away; limits drawn in.

Drawn on the server as the drill's curve is: no library on the page, sharp at any size, the style sheet's colours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from html import escape

WIDTH, HEIGHT = 360, 92
RIGHT, TOP, BOTTOM = 36, 6, 16
INNER = WIDTH - RIGHT
SPAN = timedelta(hours=24)

Sample = tuple[datetime, float | str | None]
Limit = tuple[str, float]  # class, value


def svg(samples: Iterable[Sample], end: datetime, limits: Sequence[Limit], title: str) -> str:
    """Draw the 24 hours before `end`, in the time of its own zone; gaps stay gaps."""
    columns = fold(samples, end)
    values = [v for low, high in columns.values() for v in (low, high)] + [v for _, v in limits]
    parts = [
        f'<svg class="level" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" xmlns="http://www.w3.org/2000/svg">',
        f"<title>{escape(title)}</title>",
    ]
    if not columns:
        return "".join((*parts, f'<text x="{INNER / 2:.0f}" y="52" text-anchor="middle">—</text></svg>'))
    low, high = min(values), max(values)
    room = max((high - low) * 0.12, abs(high) * 0.01, 1e-6)
    low, high = low - room, high + room

    def y(value: float) -> float:
        return round(TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    for at in _quarters(end):
        x = INNER * (1 - (end - at) / SPAN)
        parts.append(f'<line class="grid" x1="{x:.0f}" x2="{x:.0f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text x="{x:.0f}" y="{HEIGHT - 3}" text-anchor="middle">{at:%H:%M}</text>')
    for name, value in limits:
        parts.append(f'<line class="limit {name}" x1="0" x2="{INNER}" y1="{y(value)}" y2="{y(value)}"/>')
        parts.append(f'<text class="limit {name}" x="{INNER + 4}" y="{y(value) + 4}">{value:g}</text>')
    parts.append(f'<path d="{"".join(_column(x, y(a), y(b)) for x, (a, b) in sorted(columns.items()))}"/>')
    return "".join((*parts, "</svg>"))


def _quarters(end: datetime) -> list[datetime]:
    """The quarters of a day before `end`, by its own clock, that have room for their time."""
    last = end.replace(hour=end.hour // 6 * 6, minute=0, second=0, microsecond=0)
    found = [last - timedelta(hours=6 * i) for i in range(5)]
    return [at for at in found if timedelta(hours=1.5) < end - at < SPAN - timedelta(hours=1.5)]


def fold(samples: Iterable[Sample], end: datetime) -> dict[int, tuple[float, float]]:
    """Lowest and highest value per pixel of the picture's width."""
    begin, columns = end - SPAN, dict[int, tuple[float, float]]()
    for at, value in samples:
        if isinstance(value, bool) or not isinstance(value, int | float) or not begin <= at <= end:
            continue
        x = min(INNER - 1, int((at - begin) / SPAN * INNER))
        low, high = columns.get(x, (float(value), float(value)))
        columns[x] = (min(low, value), max(high, value))
    return columns


def _column(x: int, low: float, high: float) -> str:
    # One stroke a pixel; a steady level still needs a stroke that can be seen.
    return f"M{x}.5 {max(low, high) + 0.8:.1f}V{min(low, high) - 0.8:.1f}"
