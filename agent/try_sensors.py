"""`campus-agent try sensors`: run the live detectors over a CSV and say what would have alarmed."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

import config
from agent.try_columns import Column, columns_of
from agent.try_rows import Rows, samples
from agent.try_table import TableError
from config import ConfigError
from config.agent import AgentConfig
from config.points import PointSection
from config.schedules import CalendarSection
from contracts.vocabulary import Hazard
from detectors import detectors_for
from detectors.coincidence import Coincidence
from detectors.findings import Event
from drivers.samples import Reading, Sample, Tick


@dataclass(slots=True)
class Tally:
    """What a run came to."""

    samples: int = 0
    seconds_of_input: float = 0.0
    alarms: int = 0
    faults: int = 0
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


def run(
    points: Sequence[PointSection], stream: Iterable[Sample], tally: Tally, calendar: CalendarSection
) -> Iterator[Event]:
    """Run the live detectors, and what they say together, over a stream; yield what they find."""
    zones = Coincidence(tuple(points), calendar) if len(points) > 1 else None
    wanted = zones.wanted if zones else frozenset[str]()
    by_point = {point.id: detectors_for(point, calendar) for point in points}
    everyone = [detector for group in by_point.values() for detector in group]
    for sample in stream:
        tally.seconds_of_input = max(tally.seconds_of_input, sample.at)
        heard = everyone
        if isinstance(sample, Reading):
            tally.samples += 1
            heard = by_point[sample.point]
        for detector in heard:
            for finding in detector.update(sample):
                if isinstance(finding, Event):
                    yield finding
                    yield from zones.update(finding) if zones else ()
        if zones and (isinstance(sample, Tick) or (isinstance(sample, Reading) and sample.point in wanted)):
            yield from zones.update(sample)


def points_of(columns: Sequence[Column], agent: AgentConfig | None) -> list[PointSection]:
    """Make the points: from the command line, with the rules of a real agent where its ids fit the headings."""
    known = {point.id: point for bus in agent.bus for point in bus.point} if agent else {}
    points: list[PointSection] = []
    for column in columns:
        try:
            points.append(column.point(known.get(column.name)))
        except ValidationError as e:
            lines = (line.removeprefix(f"rule.{column.kind}.") for line in config.mistakes(e))
            raise TableError("\n".join(f"--set {column.name}.{line}" for line in lines)) from e
    return points


def rehearse(
    csv_file: Annotated[Path, typer.Argument(metavar="CSV", help="the recording, with a heading line")],
    time_column: Annotated[str, typer.Option("--time", help="column of the time: seconds, since 1970, or ISO 8601")],
    point: Annotated[list[str], typer.Option("--point", help="COLUMN=KIND; again for more, all in one zone")],
    unit: Annotated[list[str] | None, typer.Option("--unit", help="COLUMN=UNIT, mm-distance for a gauge above")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="COLUMN.KEY=VALUE: a key of its rule")] = None,
    lag: Annotated[list[str] | None, typer.Option("--lag", help="COLUMN=SECONDS: a detector's lag on gas")] = None,
    config_file: Annotated[
        Path | None, typer.Option("--config", help="rules and calendar of an agent's file: headings are ids")
    ] = None,
    utc_offset_h: Annotated[float, typer.Option("--utc-offset", help="hours of local time, where no file says")] = 8.0,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object a finding")] = False,
) -> None:
    """Run the live detectors over a CSV and say what would have been reported."""
    options = (unit or [], settings or [], lag or [])
    try:
        columns = columns_of(point, *options)
        agent = config.load(config_file, AgentConfig) if config_file is not None else None
        calendar = agent.calendar if agent else CalendarSection(utc_offset_h=utc_offset_h)
        say(csv_file, time_column, columns, points_of(columns, agent), calendar, as_json=as_json)
    except (TableError, ConfigError) as e:
        typer.echo(str(e), err=True)
        raise typer.Exit(2) from e


def register(app: typer.Typer) -> None:
    """Add the command to `campus-agent try`."""
    app.command("sensors")(rehearse)


def say(
    csv_file: Path,
    time_column: str,
    columns: Sequence[Column],
    points: Sequence[PointSection],
    calendar: CalendarSection,
    *,
    as_json: bool,
) -> None:
    """Print what is found as it is found, then the summary; or a table."""
    began = time.monotonic()
    tally = Tally()
    found: list[tuple[Event, str]] = []
    names = {column.key: column.name for column in columns}
    table = Rows(csv_file, time_column, columns)
    for event in run(points, samples(table), tally, calendar):
        tally.count(event)
        if as_json:
            sys.stdout.write(_line(event, names) + "\n")
        elif event.active:
            found.append((event, names[event.point]))
    used = round(time.monotonic() - began, 3)
    if table.left_out:
        said = f"{csv_file}: {table.left_out} rows have no time that can be read and were left out, first line"
        typer.echo(f"{said} {table.left_out_first}", err=True)
    if as_json:
        sys.stdout.write(json.dumps({"summary": _summary(tally, used, table.left_out)}) + "\n")
    else:
        _table(found, tally, used)


def _line(event: Event, names: Mapping[str, str]) -> str:
    said: dict[str, object] = {
        "t": round(event.at, 3),
        "point": names[event.point],
        "kind": str(event.kind),
        "active": event.active,
        "severity": str(event.severity),
        "reason": event.reason,
        "value": event.value if not isinstance(event.value, float) or math.isfinite(event.value) else None,
    }
    detail = dict(event.detail)
    if isinstance(together := detail.get("points"), str):
        detail["points"] = ",".join(names.get(key, key) for key in together.split(","))
    return json.dumps(said | ({"detail": detail} if detail else {}), ensure_ascii=False)


def _summary(tally: Tally, used: float, left_out: int) -> dict[str, object]:
    return {
        "alarms": tally.alarms,
        "faults": tally.faults,
        "frames": tally.samples,
        "left_out": left_out,
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
    if found:
        console.print(table)
    more = f" (the first 500 of {len(found)} shown)" if len(found) > 500 else ""
    console.print(
        f"{tally.alarms} alarms, {tally.faults} faults in {tally.samples} samples, "
        f"{tally.seconds_of_input:.0f} s of input in {used:.2f} s{more}"
    )
