"""Plots of a day to a year from history servers that hold many points for a year, read as our pages read them."""

from __future__ import annotations

import json
import math
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import urllib3
from rich.console import Console
from rich.table import Table

from bench import history_servers
from bench.row import Row
from config.history import HistorySection
from server.history.influx import InfluxHistory
from server.history.latest import Key
from server.history.lines import touch
from server.history.plot import PIXELS
from server.history.series import HOUR_MS, Series, to_ms
from server.history.setup import set_up
from server.history.stores import make_series
from server.metrics import make_metrics

OUT = Path(__file__).parent / "out"
KINDS = os.environ.get("HISTORY_KINDS", "victoria-metrics influxdb-1 influxdb").split()
POINTS = {
    "victoria-metrics": int(os.environ.get("HISTORY_VICTORIA_POINTS", "32")),
    "influxdb-1": int(os.environ.get("HISTORY_INFLUX_POINTS", "4")),
    "influxdb": int(os.environ.get("HISTORY_INFLUX_POINTS", "4")),
}
DAY = timedelta(days=1)
END = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
EVERY_MS, A_DAY = 10_000, 8_640
DAYS = 365
CHUNK_DAYS = 5
ROUNDS = 200
SETTLE_S = 60.0  # a year written at once is merged for a while; a year that came day by day is not
SPANS = {"a day": 1, "30 days": 30, "the year": DAYS}


def _value(n: int) -> str:
    return f"{20 + n % 997 / 500:.3f}"


def _keys(count: int) -> Sequence[Key]:
    return [("school", "lab", f"p{n}") for n in range(count)]


def _chunks() -> Iterator[range]:
    """Give the moments of a few days each, ms."""
    first = to_ms(END - DAYS * DAY)
    for day in range(0, DAYS, CHUNK_DAYS):
        begin = first + day * A_DAY * EVERY_MS
        yield range(begin, min(begin + CHUNK_DAYS * A_DAY * EVERY_MS, to_ms(END)), EVERY_MS)


def _fill_victoria(url: str, keys: Sequence[Key]) -> None:
    """By its own import, which is quicker than lines: what is measured is reading."""
    pool = urllib3.PoolManager(timeout=120.0)
    for chunk in _chunks():
        times, values = ",".join(map(str, chunk)), ",".join(map(_value, range(len(chunk))))
        for site, agent, point in keys:
            metric = json.dumps({"__name__": "readings_value", "site": site, "agent": agent, "point": point})
            body = f'{{"metric":{metric},"values":[{values}],"timestamps":[{times}]}}\n'
            _checked(pool.request("POST", f"{url}/api/v1/import", body=body.encode()))
    _checked(pool.request("GET", f"{url}/internal/force_flush"))
    _checked(pool.request("GET", f"{url}/internal/force_merge"))


def _fill_influx(series: InfluxHistory, keys: Sequence[Key]) -> None:
    for chunk in _chunks():
        values = [_value(n) for n in range(len(chunk))]
        for site, agent, point in keys:
            head = f"readings,site={site},agent={agent},point={point} value="
            lines = [f"{head}{value} {at}" for value, at in zip(values, chunk, strict=True)]
            for begin in range(0, len(lines), 10_000):
                series.endpoint.write("samples", "\n".join(lines[begin : begin + 10_000]).encode())


def _roll_up(series: InfluxHistory) -> float:
    """Let upkeep roll the year up; return the seconds of that."""
    assert series.outgoing is not None
    hours = range(to_ms(END - DAYS * DAY) // HOUR_MS, to_ms(END) // HOUR_MS)
    marks = {("school", hour): n + 1 for n, hour in enumerate(hours)}
    text = "\n".join(touch(site, hour, token) for (site, hour), token in marks.items())
    series.endpoint.write("samples", text.encode())
    series.outgoing.touches |= marks
    began_s = time.perf_counter()
    while series.tidy(datetime.now(UTC), None).more:
        pass
    return time.perf_counter() - began_s


def _checked(answer: urllib3.BaseHTTPResponse) -> None:
    if answer.status >= 300:
        raise RuntimeError(f"{answer.status}: {answer.data[:200]!r}")


def _p50_p99_ms(series: Series, keys: Sequence[Key], days: int) -> tuple[float, float]:
    """Plot a span of one point after the other, each time another one."""
    took_ms: list[float] = []
    for n in range(ROUNDS):
        end = END - timedelta(minutes=n) - (n % 20 * DAY if days < 300 else timedelta())
        began_s = time.perf_counter()
        found = len(series.columns(keys[n % len(keys)], end - days * DAY, end, days * DAY / PIXELS))
        took_ms.append((time.perf_counter() - began_s) * 1e3)
        if found < PIXELS - 3:
            raise RuntimeError(f"a plot of {days} days has only {found} columns")
    took_ms.sort()
    return took_ms[ROUNDS // 2], took_ms[math.ceil(0.99 * ROUNDS) - 1]


def _measure(kind: str, folder: Path) -> list[Row]:
    keys = _keys(POINTS[kind])
    with history_servers.running(kind, folder) as url:
        section: HistorySection = history_servers.section(kind, url, folder)
        if kind != "victoria-metrics":
            set_up(section)
        with closing(make_series(section, folder, make_metrics())) as series:
            began_s = time.perf_counter()
            rolled = ""
            if isinstance(series, InfluxHistory):
                _fill_influx(series, keys)
                rolled = f", rolled up in {_roll_up(series):.0f} s"
            else:
                _fill_victoria(url, keys)
            count = len(keys) * DAYS * A_DAY
            filled_s = time.perf_counter() - began_s
            name = f"{kind}, {count:,} readings"
            rows = [Row(name, f"filled in {filled_s:.0f} s{rolled}", "", {"readings": count, "s": filled_s})]
            time.sleep(SETTLE_S)
            for span, days in SPANS.items():
                p50, p99 = _p50_p99_ms(series, keys, days)
                figures = {"p50_ms": p50, "p99_ms": p99}
                rows.append(Row(f"{kind}: plot of {span}", f"{p50:.1f} / {p99:.1f} ms", "< 100 ms", figures))
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / count
        rows.append(Row(f"{kind}: on disk, a reading", f"{size:.2f} B", "", {"bytes": size}))
    return rows


def main() -> None:
    """Print the table; keep the figures."""
    OUT.mkdir(exist_ok=True)
    rows: list[Row] = []
    for kind in KINDS:
        if history_servers.binary(kind) is None:
            Console().print(f"{kind}: is not installed, left out")
            continue
        with tempfile.TemporaryDirectory(dir=OUT) as folder:
            rows += _measure(kind, Path(folder))
        table = Table("figure", "measured", "goal", title=f"one reading a point every {EVERY_MS // 1000} s for a year")
        for row in rows:
            table.add_row(row.name, row.measured, row.goal)
        Console(width=120).print(table)
        (OUT / "history_remote.json").write_text(json.dumps({r.name: r.figures for r in rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
