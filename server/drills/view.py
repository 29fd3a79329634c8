"""What pages and other programs see of a drill."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from config.school import SchoolConfig
from server.alerts.rules import is_held_door
from server.alerts.tables import IS_OPEN, alerts
from server.drills import doors, outcome, store
from server.drills.doors import OpenDoor
from server.drills.feasibility import Forecast, forecasts
from server.drills.record import FIELDS, Past, Record
from server.drills.results import Phase, Result, worst
from server.drills.tables import drill_agents
from server.drills.triggers import rehearsed
from server.drills.words import reconciled, verdict_line

ALARMING = ("critical", "warning")
SILENT_S = 15.0


@dataclass(frozen=True, slots=True)
class DrillRow:
    """One drill in a list."""

    id: str
    site: str
    school: str
    name: str
    kind: str
    phase: str
    planned_at: datetime | None
    created_at: datetime
    t0_s: float | None
    finished_at: datetime | None
    simulated: bool
    verdict: str = ""  # the worst of its stages', once it is over
    official_s: float | None = None


@dataclass(frozen=True, slots=True)
class ExitLink:
    """Whether an exit's counters can be believed now."""

    exit: str
    agents: tuple[str, ...]
    silent_s: float | None  # since the longest silent of its agents was heard; None: never heard
    silent: bool


@dataclass(frozen=True, slots=True)
class RealAlarm:
    """An open alarm that is not the drill's own signal."""

    id: str
    name: str
    place: str
    kind: str
    severity: str
    began_at: datetime


@dataclass(frozen=True, slots=True)
class RunningDrill:
    """A drill that runs now, and what is really wrong meanwhile."""

    id: str
    site: str
    name: str
    phase: str
    alarms: tuple[RealAlarm, ...]


@dataclass(frozen=True, slots=True)
class DrillView:
    """One drill with all that is known of it."""

    row: DrillRow
    server_s: float
    result: Result
    verdict: str
    reconciled: str
    revision: int
    links: tuple[ExitLink, ...]
    places: dict[str, str]  # where each class assembles
    problems: tuple[outcome.Problem, ...]
    record: dict[str, str]
    armed_until: datetime | None
    shelter_s: float | None
    doors: tuple[OpenDoor, ...]  # held open while it ran


@dataclass(frozen=True, slots=True)
class SchoolView:
    """A school as the page that plans a drill needs it."""

    site: str
    name: str
    buildings: dict[str, str]
    people: dict[str, int]
    classes: int
    exits: int
    triggers: tuple[str, ...]
    forecasts: tuple[Forecast, ...]


def row_of(drill: store.Drill, school: SchoolConfig | None, found: Result | None = None) -> DrillRow:
    """One line of a list, with what came of the drill where that is given."""
    given = [stage.verdict for stage in found.stages] if found and drill.phase is Phase.FINISHED else []
    return DrillRow(
        id=drill.id,
        site=drill.site,
        school=school.name if school else drill.site,
        name=drill.name,
        kind=drill.kind.value,
        phase=drill.phase.value,
        planned_at=drill.planned_at,
        created_at=drill.created_at,
        t0_s=drill.t0_s,
        finished_at=drill.finished_at,
        simulated=drill.simulated,
        verdict=worst(given) if given else "",
        official_s=found.official.seconds if found and found.official and given else None,
    )


def view(
    connection: Connection, drill: store.Drill, found: Result, school: SchoolConfig | None, now_s: float
) -> DrillView:
    """One drill in full."""
    written: dict[str, Any] = dict(drill.record)
    return DrillView(
        row=row_of(drill, school),
        server_s=now_s,
        result=found,
        verdict=verdict_line(found),
        reconciled=reconciled(found),
        revision=len(outcome.revisions(connection, drill.id)),
        links=links(connection, drill, school, now_s),
        places={c.id: c.place for c in school.classes} if school else {},
        problems=tuple(outcome.problems(connection, drill.id)),
        record={key: str(written.get(key, "") or "") for key in FIELDS},
        armed_until=drill.armed_until,
        shelter_s=float(written["shelter_s"]) if written.get("shelter_s") else None,
        doors=tuple(doors.in_drill(connection, drill)),
    )


def links(
    connection: Connection, drill: store.Drill, school: SchoolConfig | None, now_s: float
) -> tuple[ExitLink, ...]:
    """How long ago the agents of each exit were heard."""
    if school is None:
        return ()
    query = select(drill_agents).where(drill_agents.c.site == drill.site)
    heard = {row.agent: row.heard_s for row in connection.execute(query)}
    found: list[ExitLink] = []
    for exit_ in (e for b in school.building for e in b.exit):
        agents = tuple(sorted({line.line.partition("/")[0] for line in exit_.line}))
        known = [heard[a] for a in agents if a in heard]
        silent_s = round(now_s - min(known), 1) if agents and len(known) == len(agents) else None
        found.append(ExitLink(exit_.id, agents, silent_s, silent=silent_s is None or silent_s > SILENT_S))
    return tuple(found)


def running_now(connection: Connection, drill: store.Drill, school: SchoolConfig | None) -> RunningDrill:
    """A running drill with the real alarms in its midst; an urgent one that is over already stays until it is taken."""
    begun = datetime.fromtimestamp(drill.begun_s or 0.0, tz=UTC)
    unseen = and_(alerts.c.severity == "critical", ~alerts.c.acked, alerts.c.received_at >= begun)
    query = select(alerts).where(alerts.c.site == drill.site, IS_OPEN, or_(alerts.c.active, unseen))
    real = [
        RealAlarm(row.id, row.name, row.place, row.kind, row.severity, row.began_at)
        for row in connection.execute(query)
        if row.severity in ALARMING
        and not (school and rehearsed(school, row.agent, row.point, row.kind))
        and not (row.drill and is_held_door(row.kind, row.severity, row.reason))
    ]
    return RunningDrill(drill.id, drill.site, drill.name, drill.phase.value, tuple(real))


def record(connection: Connection, drill: store.Drill, found: Result, school: SchoolConfig | None) -> Record:
    """Everything for the printed page and the workbook."""
    past: list[Past] = []
    for other in store.before(connection, drill):
        kept = outcome.revisions(connection, other.id)
        if kept:
            past.append(Past(other, kept[-1][1]))
    return Record(
        school=school.name if school else drill.site,
        drill=drill,
        result=found,
        problems=outcome.problems(connection, drill.id),
        past=past,
        revision=len(outcome.revisions(connection, drill.id)),
        doors=doors.in_drill(connection, drill),
    )


def school_view(school: SchoolConfig) -> SchoolView:
    """What can be planned at a school, and what physics says of it."""
    return SchoolView(
        site=school.site,
        name=school.name,
        buildings={b.id: b.name for b in school.building},
        people={b.id: sum(c.size for c in school.classes if c.building == b.id) for b in school.building},
        classes=len(school.classes),
        exits=sum(len(b.exit) for b in school.building),
        triggers=tuple(p for t in school.trigger for p in t.points),
        forecasts=tuple(forecasts(school)),
    )
