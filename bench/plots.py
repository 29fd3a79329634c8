"""Plots of what the benchmarks found, from bench/out/*.json into docs/plots/*.svg, with machine and date."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import psutil

OUT = Path(__file__).parent / "out"
PLOTS = Path(__file__).parent.parent / "docs" / "plots"
WIDTH, ROW, LEFT, RIGHT, TOP = 760, 26, 300, 110, 44

Bar = tuple[str, float]


def machine() -> str:
    """Say where and when."""
    cores, memory = psutil.cpu_count() or 0, psutil.virtual_memory().total / 2**30
    python, today = platform.python_version(), f"{datetime.now(UTC):%Y-%m-%d}"
    return f"{platform.machine()}, {cores} cores, {memory:.0f} GB, Python {python}, {today}"


def bars(title: str, unit: str, rows: Sequence[Bar], goal: float | None = None) -> str:
    """Draw one bar a row, from zero; the goal is a dashed line."""
    most = max([value for _, value in rows] + ([goal] if goal else [])) or 1.0
    height = TOP + ROW * len(rows) + 34
    reach = WIDTH - LEFT - RIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"',
        ' font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="12" y="24" font-size="16" font-weight="bold">{escape(title)}</text>',
    ]
    for n, (name, value) in enumerate(rows):
        y, length = TOP + ROW * n, reach * value / most
        parts += [
            f'<text x="{LEFT - 8}" y="{y + 17}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{LEFT}" y="{y + 4}" width="{length:.1f}" height="{ROW - 8}" fill="#2f6f9f"/>',
            f'<text x="{LEFT + length + 6:.1f}" y="{y + 17}">{value:.3g} {escape(unit)}</text>',
        ]
    if goal:
        x, bottom = LEFT + reach * goal / most, TOP + ROW * len(rows)
        line = f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}" stroke="#b00" stroke-dasharray="5 4"/>'
        parts += [line, f'<text x="{x + 4:.1f}" y="{TOP - 3}" fill="#b00">goal {goal:g}</text>']
    parts += [f'<text x="12" y="{height - 10}" fill="#555">{escape(machine())}</text>', "</svg>"]
    return "\n".join(parts) + "\n"


def growth(found: dict[str, dict[str, float]]) -> str:
    """Cost an event against the smallest of its kind."""
    rows: list[Bar] = []
    kinds = {
        "events in the ledger": "by_ledger", "agents": "by_agents", "points that stand open": "by_points",
        "agents, all new entries": "by_opening",
    }  # fmt: skip
    for name, by_size in ((name, found[kind]) for name, kind in kinds.items()):
        least = next(iter(by_size.values()))
        rows += [(f"{int(size):,} {name}", cost / least) for size, cost in by_size.items()]
    return bars("Growth: CPU an event, against the smallest", "x", rows, 1.3)


def latency(found: dict[str, dict[str, float]]) -> str:
    """The 99th percentile from arrival to receipt."""
    rows = [(name.replace(": arrival to receipt", ""), row["p99_ms"]) for name, row in found.items() if "p99_ms" in row]
    return bars("Arrival to receipt, p99", "ms", rows, 100)


def city(found: list[dict[str, Any]]) -> str:
    """Event to wall by number of agents."""
    rows = [(f"{row['agents']} agents, {row['broker']}", row["wall_p99_s"] * 1e3) for row in found]
    return bars("Event to wall, p99", "ms", rows, 500)


def main() -> None:
    """Draw what there are figures of."""
    PLOTS.mkdir(exist_ok=True)
    drawn = {"growth": growth, "ingest": latency, "city-mosquitto": city, "city-nats": city, "city-nats3": city}
    for name, draw in drawn.items():
        file = OUT / f"{name}.json"
        if file.exists():
            (PLOTS / f"{name}.svg").write_text(draw(json.loads(file.read_text())), encoding="utf-8")  # pyright: ignore[reportArgumentType]
            print(f"docs/plots/{name}.svg")


if __name__ == "__main__":
    main()
