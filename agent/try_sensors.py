"""`campus-agent try sensors`: run the live detectors over a CSV and say what would have alarmed."""

from __future__ import annotations

import csv
import json
import math
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

import config
from agent.try_columns import Column, ColumnError, clock_of, columns_of
from config import ConfigError
from config.points import PointSection
from config.schedules import CalendarSection
from contracts.vocabulary import Hazard
from detectors import detectors_for
from detectors.coincidence import Coincidence
from detectors.findings import Event
from drivers.samples import Reading, Sample, Tick

TICKS_S = (*range(1, 11), *range(15, 61, 5), *range(90, 601, 30))  # within a pause: every second where delays end
LONG_TICK_S = 300.0


@dataclass(slots=True)
class Tally:
    """What a run came to."""

    samples: int = 0
    seconds_of_input: float = 0.0
    alarms: int = 0
    faults: int = 0
    coincidences: int = 0
    points: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])

    def count(self, event: Event) -> None:
        """Count an event that began."""
        if not event.active:
            return
        fault = event.kind == Hazard.FAULT
        self.faults += fault
        self.alarms += not fault
        kinds = self.points.setdefault(event.point, {})
        kinds[event.kind] = kinds.get(event.kind, 0) + 1


def rows(path: Path, time_column: str, columns: Sequence[Column]) -> Iterator[tuple[float, float, list[Reading]]]:
    """Yield (seconds since the first row, UTC, readings) of a CSV; an empty cell is no reading."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            reader = csv.reader(_widened(file))
            header = next(reader, list[str]())
            yield from _rows(path, reader, header, time_column, columns)
    except OSError as e:
        raise ColumnError(f"{path}: cannot be read: {e.strerror}") from e
    except csv.Error as e:
        raise ColumnError(f"{path}: is not a CSV: {e}") from e


def _widened(lines: Iterable[str]) -> Iterator[str]:
    return (line.replace("\0", "") for line in lines)


def _rows(
    path: Path, reader: Iterator[list[str]], header: list[str], time_column: str, columns: Sequence[Column]
) -> Iterator[tuple[float, float, list[Reading]]]:
    for wanted in (time_column, *(column.name for column in columns)):
        if wanted not in header:
            raise ColumnError(f"{path}: has no column {wanted!r}: it has {', '.join(header)[:300] or 'none'}")
    time_at = header.index(time_column)
    # some exports number their rows in a column without a heading
    places = [(column, header.index(column.name)) for column in columns]
    clock, start = None, 0.0
    for number, row in enumerate(reader, start=2):
        if not row:
            continue
        shift = 1 if len(row) == len(header) + 1 else 0
        if time_at + shift >= len(row):
            raise ColumnError(f"{path}: line {number} has {len(row)} columns, the heading {len(header)}")
        text = row[time_at + shift]
        if clock is None:
            clock = clock_of(path, time_column, text)
            start = clock(text, number)
        utc = clock(text, number)
        at = utc - start
        yield (
            at,
            utc,
            [
                reading
                for column, place in places
                if place + shift < len(row) and (reading := column.reading(row[place + shift], at, utc)) is not None
            ],
        )


def samples(table: Iterable[tuple[float, float, list[Reading]]]) -> Iterator[Sample]:
    """Yield the readings in time, with the ticks a living agent would have had between them."""
    before: tuple[float, float] | None = None
    for at, utc, readings in table:
        if before is not None:
            yield from _ticks(*before, at)
        yield from readings
        yield Tick(at, utc)
        before = (at, utc)


def _ticks(at: float, utc: float, until: float) -> Iterator[Tick]:
    pause = until - at
    for passed in TICKS_S:
        if passed >= pause:
            return
        yield Tick(at + passed, utc + passed)
    for turn in range(1, min(int((pause - TICKS_S[-1]) // LONG_TICK_S), 10_000) + 1):
        passed = TICKS_S[-1] + turn * LONG_TICK_S
        if passed < pause:
            yield Tick(at + passed, utc + passed)


def run(
    points: Sequence[PointSection], stream: Iterable[Sample], tally: Tally, calendar: CalendarSection
) -> Iterator[Event]:
    """Run the live detectors, and what they say together, over a stream; yield what they find."""
    zones = Coincidence(tuple(points)) if len(points) > 1 else None
    by_point = {point.id: detectors_for(point, calendar) for point in points}
    everyone = [detector for group in by_point.values() for detector in group]
    listens = [detector for group in by_point.values() for detector in group[1:]]
    for sample in stream:
        tally.seconds_of_input = max(tally.seconds_of_input, sample.at)
        if isinstance(sample, Reading):
            tally.samples += 1
            heard = [by_point[sample.point][0], *listens]
        else:
            heard = everyone
        for detector in heard:
            for finding in detector.update(sample):
                if isinstance(finding, Event):
                    yield finding
                    yield from zones.update(finding) if zones else ()
        if zones and isinstance(sample, (Reading, Tick)):
            yield from zones.update(sample)


def points_of(columns: Sequence[Column], config_file: Path | None) -> list[PointSection]:
    """Make the points: from the command line, with the rules of a real agent's file where its ids fit."""
    known: dict[str, PointSection] = {}
    if config_file is not None:
        from config.agent import AgentConfig  # noqa: PLC0415 - only when asked for

        known = {point.id: point for bus in config.load(config_file, AgentConfig).bus for point in bus.point}
    return [column.point(known.get(column.key)) for column in columns]


def main(
    csv_file: Path,
    time_column: str,
    point: Sequence[str],
    *,
    unit: Sequence[str] = (),
    settings: Sequence[str] = (),
    lag: Sequence[str] = (),
    config_file: Path | None = None,
    utc_offset_h: float = 8.0,
    as_json: bool = False,
) -> int:
    """Rehearse detectors on a recording; return the exit code. Trouble is one line on stderr."""
    began = time.monotonic()
    tally = Tally()
    found: list[tuple[Event, str]] = []
    try:
        columns = columns_of(point, unit, settings, lag)
        points = points_of(columns, config_file)
        names = {column.key: column.name for column in columns}
        calendar = TypeAdapter(CalendarSection).validate_python({"utc_offset_h": utc_offset_h})
        for event in run(points, samples(rows(csv_file, time_column, columns)), tally, calendar):
            tally.count(event)
            if as_json:
                print(_line(event, names[event.point]))  # noqa: T201 - stdout is the interface
            elif event.active:
                found.append((event, names[event.point]))
    except (ColumnError, ConfigError) as e:
        print(e, file=sys.stderr)  # noqa: T201
        return 2
    except ValidationError as e:
        print("\n".join(config.mistakes(e)), file=sys.stderr)  # noqa: T201
        return 2
    used = round(time.monotonic() - began, 3)
    if as_json:
        print(json.dumps({"summary": _summary(tally, used)}))  # noqa: T201
    else:
        _table(found, tally, used)
    return 0


def _line(event: Event, column: str) -> str:
    said: dict[str, object] = {
        "t": round(event.at, 3),
        "point": column,
        "kind": str(event.kind),
        "active": event.active,
        "severity": str(event.severity),
        "reason": event.reason,
        "value": event.value if not isinstance(event.value, float) or math.isfinite(event.value) else None,
    }
    return json.dumps({**said, **({"detail": dict(event.detail)} if event.detail else {})}, ensure_ascii=False)


def _summary(tally: Tally, used: float) -> dict[str, object]:
    return {
        "alarms": tally.alarms,
        "faults": tally.faults,
        "frames": tally.samples,
        "seconds_of_input": round(tally.seconds_of_input, 3),
        "seconds_used": used,
    }


def _table(found: list[tuple[Event, str]], tally: Tally, used: float) -> None:
    from rich.console import Console  # noqa: PLC0415 - heavy, and only for people
    from rich.table import Table  # noqa: PLC0415

    table = Table(title="what would have been reported")
    for heading in ("t, s", "point", "kind", "severity", "reason", "value"):
        table.add_column(heading)
    for event, name in found[:500]:
        table.add_row(f"{event.at:.0f}", name, event.kind, event.severity, event.reason, str(event.value))
    console = Console()
    console.print(table)
    more = f" (the first 500 of {len(found)} shown)" if len(found) > 500 else ""
    console.print(
        f"{tally.alarms} alarms, {tally.faults} faults in {tally.samples} samples, "
        f"{tally.seconds_of_input:.0f} s of input in {used:.2f} s{more}"
    )
