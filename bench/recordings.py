"""What the sensor recordings in ../shared hold, as samples and truth; nothing of them is kept here."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from agent.try_columns import columns_of
from agent.try_rows import Rows, samples
from agent.try_sensors import Tally, points_of, run
from config.schedules import CalendarSection
from detectors.findings import Event

ROOT = Path(__file__).parent.parent
SENSORS = ROOT.parent / "shared" / "data" / "sensors"
LAG_S = 50.0 / math.sqrt(0.5)  # RTI 50 at 0.5 m/s: a common heat detector


def rehearse(
    file: Path, time: str, point: Sequence[str], *, settings: Sequence[str] = (), lag: Sequence[str] = ()
) -> tuple[list[Event], Tally, float]:
    """Run `try sensors` on a file; return its findings, the tally, and the time of the first row by its own clock."""
    columns = columns_of(point, (), settings, lag)
    names = {column.key: column.name for column in columns}
    tally = Tally()
    table = Rows(file, time, columns)
    found = [
        Event(names[e.point], e.kind, e.active, e.severity, e.reason, e.at, e.value)
        for e in run(points_of(columns, None), samples(table), tally, CalendarSection())
    ]
    return found, tally, table.start


def heading(file: Path) -> list[str]:
    """Return the columns of a file."""
    with file.open(encoding="utf-8") as lines:
        return next(csv.reader(lines))


def alarms(found: Sequence[Event], kind: str | None = None) -> list[Event]:
    """Return the alarms that began; of one kind, or of all but faults."""
    return [e for e in found if e.active and (e.kind == kind if kind else e.kind != "fault")]


def faults(found: Sequence[Event], reason: str | None = None) -> list[Event]:
    """Return the faults that began, of one reason or of any."""
    return [e for e in found if e.active and e.kind == "fault" and reason in (None, e.reason)]


def compartments() -> list[Path]:
    """The room fires."""
    folder = SENSORS / "fsri_compartments_2018"
    return sorted(file for file in folder.glob("*.csv") if file.name != "events.csv")


def ceiling(file: Path) -> list[str]:
    """The columns a ceiling detector would see."""
    return [name for name in heading(file) if "ceiling" in name or "_Temperature_2.4" in name]


def fuel(file: Path) -> str:
    """The fuel of a room fire."""
    name = file.stem.split("_")[0]
    return {"RedAccent": "chair", "Overstuffed": "sofa"}.get(name, name)


def reference(file: Path) -> float | None:
    """Return the second after ignition at which lagged gas of any corner has risen by 8.3 K in 60 s: the plain rule."""
    columns = columns_of([f"{name}=heat" for name in ceiling(file)], (), (), [f"{n}={LAG_S}" for n in ceiling(file)])
    past: dict[str, list[tuple[float, float]]] = {}
    table = Rows(file, "t_s", columns)
    for at, _, readings in table:
        own = table.start + at
        for reading in readings:
            before = past.setdefault(reading.point, [])
            value = float(reading.value)
            minute_ago = [v for t, v in before if own - t <= 60.0]
            before.append((own, value))
            del before[:-62]
            if minute_ago and value - minute_ago[0] >= 8.3:
                return own
    return None


def true_events(file: Path, column: str, limit: float, until: float = 5000.0) -> list[tuple[float, float]]:
    """Return (first, last) second below a limit, as runs of samples; codes from `until` on are none."""
    (columns, runs, inside) = (columns_of([f"{column}=level"], (), (), ()), list[tuple[float, float]](), False)
    for at, _, readings in Rows(file, "time_utc", columns):
        for reading in readings:
            low = float(reading.value) < limit and float(reading.value) < until
            if low and not inside:
                runs.append((at, at))
            elif low:
                runs[-1] = (runs[-1][0], at)
            inside = low
    return runs


def kasteren(file: Path) -> Iterator[tuple[str, list[tuple[float, bool]]]]:
    """Yield each sensor's name and its changes."""
    with file.open(encoding="utf-8") as lines:
        table = list(csv.DictReader(lines))
    for name in sorted({row["sensor_name"] for row in table}):
        changes: list[tuple[float, bool]] = []
        for row in sorted((r for r in table if r["sensor_name"] == name), key=lambda r: int(r["start_unix_s"])):
            start = float(row["start_unix_s"])
            changes += [(start, True), (start + float(row["active_duration_s"]), False)]
        yield name, sorted(changes)


def nab(name: str) -> tuple[list[tuple[float, float]], list[tuple[int, int]]]:
    """Return a series of NAB as (UTC, value), and its windows as first and last row."""
    folder = SENSORS / "nab"
    with (folder / f"{name}.csv").open(encoding="utf-8") as lines:
        series = [(_utc(row["timestamp"]), float(row["value"])) for row in csv.DictReader(lines)]
    windows: list[list[str]] = json.loads((folder / f"{name}_windows.json").read_text(encoding="utf-8"))
    spans = [(_utc(first), _utc(last)) for first, last in windows]
    inside = [[row for row, (at, _) in enumerate(series) if first <= at <= last] for first, last in spans]
    return series, [(found[0], found[-1]) for found in inside]


def _utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
