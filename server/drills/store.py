"""Drills in the database: plan one, say something in it, read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, or_, select, update

from server.accounts.reach import Reach
from server.changes import announce
from server.drills import acts
from server.drills.inputs import Act, DrillKind, Plan, Start
from server.drills.results import Phase, Result
from server.drills.tables import drill_acts, drills
from server.errors import RefusedError, UnknownError
from server.ids import fresh_id
from server.ingest.tables import durables

RUNNING = (Phase.ALARM, Phase.SHELTER, Phase.EVACUATING)
LONGEST_S = 3600.0
"""A drill that nobody ended runs no longer than this: alarms must not be tagged as drill for ever."""


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill's row."""

    id: str
    site: str
    kind: DrillKind
    name: str
    phase: Phase
    plan: Plan
    after_n: int
    created_at: datetime
    created_by: str
    record: Mapping[str, Any] = field(default_factory=dict[str, Any])
    planned_at: datetime | None = None
    starts_itself: bool = False
    armed_until: datetime | None = None
    begun_s: float | None = None
    t0_s: float | None = None
    finished_at: datetime | None = None
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person plans."""

    site: str
    kind: DrillKind
    name: str
    planned_at: datetime | None = None
    starts_itself: bool = False
    armed_until: datetime | None = None
    record: Mapping[str, Any] = field(default_factory=dict[str, Any])
    simulated: bool = False


def create(connection: Connection, wish: Wish, plan: Plan, by: str, now: datetime) -> str:
    """Plan a drill; one at a time a school runs."""
    drill = fresh_id()
    last_n = connection.execute(select(func.max(durables.c.n))).scalar() or 0
    values = {
        "id": drill,
        "site": wish.site,
        "kind": wish.kind.value,
        "name": wish.name,
        "phase": Phase.PLANNED.value,
        "plan": acts.PLAN.dump_python(plan, mode="json"),
        "record": dict(wish.record),
        "after_n": last_n,
        "planned_at": wish.planned_at,
        "starts_itself": wish.starts_itself,
        "armed_until": wish.armed_until,
        "created_at": now,
        "created_by": by,
        "simulated": wish.simulated,
    }
    connection.execute(insert(drills).values(values))
    announce(connection, now, "drill", wish.site, {"id": drill, "phase": Phase.PLANNED.value})
    return drill


def get(connection: Connection, drill: str) -> Drill:
    """Return one drill; raise UnknownError where there is none."""
    row = connection.execute(select(drills).where(drills.c.id == drill)).one_or_none()
    if row is None:
        raise UnknownError(f"没有编号为 {drill} 的演练")
    return _drill(row)


def recent(connection: Connection, reach: Reach, limit: int = 50) -> list[Drill]:
    """The newest drills of the schools within reach."""
    query = select(drills).where(*reach.where(drills.c.site)).order_by(drills.c.created_at.desc()).limit(limit)
    return [_drill(row) for row in connection.execute(query)]


def before(connection: Connection, drill: Drill, limit: int = 3) -> list[Drill]:
    """The last finished drills of the same school and kind before this one."""
    query = (
        select(drills)
        .where(
            drills.c.site == drill.site,
            drills.c.kind == drill.kind.value,
            drills.c.phase == Phase.FINISHED.value,
            drills.c.created_at < drill.created_at,
        )
        .order_by(drills.c.created_at.desc())
        .limit(limit)
    )
    return [_drill(row) for row in connection.execute(query)]


def open_drills(connection: Connection, now_s: float) -> list[Drill]:
    """Drills that wait for a signal, run, or finished so lately that data may still come."""
    late = datetime.fromtimestamp(now_s - 86400, tz=UTC)
    query = select(drills).where(
        or_(
            drills.c.phase.in_([Phase.PLANNED.value, *(p.value for p in RUNNING)]),
            drills.c.finished_at > late,
        )
    )
    return [_drill(row) for row in connection.execute(query)]


def running(connection: Connection, site: str, now_s: float) -> str | None:
    """The drill that runs at a school now; one that was just ended runs no longer, though it is still computed."""
    over = select(drill_acts.c.n).where(drill_acts.c.drill == drills.c.id, drill_acts.c.kind.in_(["ended", "voided"]))
    query = select(drills.c.id).where(
        drills.c.site == site,
        drills.c.phase.in_([p.value for p in RUNNING]),
        drills.c.begun_s > now_s - LONGEST_S,
        ~over.exists(),
    )
    return connection.execute(query).scalars().first()


def say(connection: Connection, drill: Drill, act: Act, by: str, now: datetime) -> bool:
    """Write an act; a first signal makes the drill run at once."""
    if isinstance(act, Start):
        other = running(connection, drill.site, act.when.at_s)
        if other is not None and other != drill.id:
            raise RefusedError("本校已有演练在进行：先结束那一次，再开始这一次")
        if drill.phase in (Phase.FINISHED, Phase.VOID):
            raise RefusedError("这次演练已经结束：请新建一次")
    if not acts.append(connection, drill.id, act, by, now):
        return False
    if isinstance(act, Start):
        phase = Phase.EVACUATING if act.signal == "evacuate" else Phase(act.signal.value)
        values: dict[str, Any] = {"begun_s": min(drill.begun_s or act.when.at_s, act.when.at_s)}
        if phase is Phase.EVACUATING or drill.phase is not Phase.EVACUATING:
            values["phase"] = phase.value
        if phase is Phase.EVACUATING:
            values["t0_s"] = min(drill.t0_s or act.when.at_s, act.when.at_s)
        connection.execute(update(drills).where(drills.c.id == drill.id).values(values))
    announce(connection, now, "drill", drill.site, {"id": drill.id})
    return True


def set_phase(connection: Connection, drill: Drill, found: Result, now: datetime) -> None:
    """Keep what was computed where lists and the ingest look."""
    values: dict[str, Any] = {"phase": found.phase.value, "t0_s": found.t0_s}
    if found.phase in (Phase.FINISHED, Phase.VOID) and drill.finished_at is None:
        values["finished_at"] = now
    connection.execute(update(drills).where(drills.c.id == drill.id).values(values))


def save_record(connection: Connection, drill: Drill, fields: Mapping[str, Any], now: datetime) -> None:
    """Keep what a person wrote on the record."""
    values = {"record": {**drill.record, **fields}}
    connection.execute(update(drills).where(drills.c.id == drill.id).values(values))
    announce(connection, now, "drill", drill.site, {"id": drill.id})


def _drill(row: Any) -> Drill:
    values: dict[str, Any] = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public way to a row's columns
    plan = acts.PLAN.validate_python(values.pop("plan"))
    kind, phase = DrillKind(values.pop("kind")), Phase(values.pop("phase"))
    return Drill(**values, plan=plan, kind=kind, phase=phase)
