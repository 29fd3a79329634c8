"""The embedded history with a year of one point at 1 Hz, and with many points: plots, roll-ups, and writing."""

from __future__ import annotations

import json
import math
import sqlite3
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.row import Row
from server.history.embedded import SqliteSeries
from server.history.plot import PIXELS
from server.history.series import HOUR_MS, Sample, to_ms

OUT = Path(__file__).parent / "out"
KEY = ("site", "agent", "point")
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
YEAR_S = 365 * 86_400
ROUNDS = 20
BATCH, BATCHES, POINTS = 2_000, 100, 200
MANY, MANY_DAYS, EVERY_MS = 100, 12, 10_000  # points of a school, their days, and how often each is read


def _fill(file: Path) -> None:
    """Put a year in by SQL: what is measured is reading, and writing apart from it."""
    with closing(sqlite3.connect(file)) as rows, rows:
        (series,) = rows.execute("SELECT id FROM series").fetchone()
        at = {"series": series, "first": to_ms(BEGIN), "count": YEAR_S}
        rows.execute(
            "INSERT OR IGNORE INTO samples WITH RECURSIVE s(n) AS (VALUES (0) UNION ALL SELECT n + 1 FROM s"
            " WHERE n + 1 < :count) SELECT (:first + n * 1000) / 3600000, :series, :first + n * 1000,"
            " 20.0 + (n % 997) / 500.0 FROM s",
            at,
        )
        hours = [(series, to_ms(BEGIN) // HOUR_MS + hour) for hour in range(YEAR_S // 3_600)]
        rows.executemany("INSERT OR IGNORE INTO dirty VALUES (?, ?)", hours)


def _p50_p99_ms(series: SqliteSeries, span: timedelta, rounds: int = ROUNDS) -> tuple[float, float]:
    """Return how long a plot of the last `span` of the year takes."""
    end, took_ms = BEGIN + 365 * DAY, list[float]()
    for _ in range(rounds):
        began_s = time.perf_counter()
        found = len(series.columns(KEY, end - span, end, span / PIXELS))
        took_ms.append((time.perf_counter() - began_s) * 1e3)
        if found < PIXELS - 1:
            raise RuntimeError(f"a plot of {span} has only {found} columns")
    took_ms.sort()
    return took_ms[rounds // 2], took_ms[math.ceil(0.99 * rounds) - 1]


def _fill_many(file: Path) -> None:
    with closing(sqlite3.connect(file)) as rows, rows:
        rows.execute(
            "INSERT OR IGNORE INTO samples WITH RECURSIVE s(n) AS (VALUES (0) UNION ALL SELECT n + 1 FROM s"
            " WHERE n + 1 < :count) SELECT (:first + n * :every) / 3600000, id, :first + n * :every,"
            " 20.0 + (n % 997) / 500.0 FROM s CROSS JOIN series",
            {"first": to_ms(BEGIN), "every": EVERY_MS, "count": MANY_DAYS * DAY // timedelta(milliseconds=EVERY_MS)},
        )
        rows.execute("INSERT OR IGNORE INTO dirty SELECT DISTINCT series, hour FROM samples")


def _many(folder: Path) -> list[Row]:
    """Plot of each of many points a day and all days; nothing but its own hours may be read."""
    file, rows = folder / "many.db", list[Row]()
    keys = [("site", "agent", f"p{n}") for n in range(MANY)]
    count = MANY * (MANY_DAYS * DAY // timedelta(milliseconds=EVERY_MS))
    with closing(SqliteSeries(file)) as series:
        series.write([Sample(key, BEGIN, 20.0) for key in keys])
        _fill_many(file)
        _rolled_up_s(series)
        for days in (1, MANY_DAYS):
            took_ms: list[float] = []
            for n, key in enumerate(keys):
                end = BEGIN + MANY_DAYS * DAY - (n % (MANY_DAYS - days + 1)) * DAY
                began_s = time.perf_counter()
                if len(series.columns(key, end - days * DAY, end, days * DAY / PIXELS)) < PIXELS - 2:
                    raise RuntimeError(f"a plot of {key} has holes")
                took_ms.append((time.perf_counter() - began_s) * 1e3)
            took_ms.sort()
            p50, p99 = took_ms[MANY // 2], took_ms[math.ceil(0.99 * MANY) - 1]
            name = f"{count:,} readings of {MANY} points: a plot of {days} days"
            rows.append(Row(name, f"{p50:.1f} / {p99:.1f} ms", "< 100 ms", {"p50_ms": p50, "p99_ms": p99}))
    return rows


def _written_a_s(file: Path) -> float:
    """Return how many readings a second are written, in batches of many points."""
    keys = [("site", "agent", f"p{n}") for n in range(POINTS)]
    batches = [
        [Sample(keys[n % POINTS], BEGIN + timedelta(milliseconds=(b * BATCH + n) * 50), 20.5) for n in range(BATCH)]
        for b in range(BATCHES)
    ]
    with closing(SqliteSeries(file)) as series:
        began_s = time.perf_counter()
        for batch in batches:
            series.write(batch)
        return BATCH * BATCHES / (time.perf_counter() - began_s)


def _rolled_up_s(series: SqliteSeries) -> float:
    began_s = time.perf_counter()
    while series.tidy(BEGIN + 400 * DAY, None).more:
        pass
    return time.perf_counter() - began_s


def _row(series: SqliteSeries, name: str, days: int) -> Row:
    p50, p99 = _p50_p99_ms(series, days * DAY)
    return Row(name, f"{p50:.1f} / {p99:.1f} ms", "< 100 ms", {"p50_ms": p50, "p99_ms": p99})


def main() -> None:
    """Print the table; keep the figures."""
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=OUT) as folder:
        file = Path(folder) / "history.db"
        with closing(SqliteSeries(file)) as series:
            series.write([Sample(KEY, BEGIN, 20.0)])
            _fill(file)
            raw_ms, _ = _p50_p99_ms(series, 365 * DAY, 1)
            rolling_s = _rolled_up_s(series)
            rows = [
                _row(series, "plot of a day, p50 / p99", 1),
                _row(series, "plot of 30 days", 30),
                _row(series, "plot of the year", 365),
            ]
        size = file.stat().st_size / YEAR_S
        written = _written_a_s(Path(folder) / "written.db")
        rows += _many(Path(folder))
    rows += [
        Row("plot of the year without roll-ups", f"{raw_ms:,.0f} ms", "", {"ms": raw_ms}),
        Row("the year rolled up", f"{rolling_s:.1f} s", "", {"s": rolling_s}),
        Row("on disk, a reading", f"{size:.1f} B", "", {"bytes": size}),
        Row("written to the store alone", f"{written:,.0f} readings/s", ">= 50,000", {"readings_a_s": written}),
    ]
    table = Table("figure", "measured", "goal", title=f"embedded history; at first {YEAR_S:,} readings of one point")
    for row in rows:
        table.add_row(row.name, row.measured, row.goal)
    Console().print(table)
    (OUT / "history.json").write_text(json.dumps({row.name: row.figures for row in rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
