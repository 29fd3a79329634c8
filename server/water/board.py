"""The water board as pages and other programs see it: one tile a water, the worst first."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import Connection, Row, select

from config.water import LevelSection, WaterSection
from contracts.messages import Value
from server.accounts.reach import EVERYWHERE, Reach
from server.alerts.view import AlertView
from server.moments import Moment
from server.services import Services
from server.water.gather import Found, gather
from server.water.records import last_patrols, last_sent
from server.water.stages import Stage
from server.water.state import RANK, Sensor, State, judge
from server.water.tables import escalations


class SensorView(BaseModel):
    """One point, zone or camera of a water."""

    agent: str
    point: str
    name: str
    kind: str
    state: str = Field(description="ok, alarm, or unknown: it cannot be believed now")
    reason: str = Field(description="why it is unknown, as a machine word")
    value: Value
    unit: str
    at: Moment | None


class LevelView(BaseModel):
    """A level whose course is drawn at `…/level.svg`."""

    agent: str
    point: str
    high: float | None
    critical: float | None


class StageView(BaseModel):
    """An escalation that goes on."""

    alert: str
    stage: Stage
    began_at: Moment
    lingering_at: Moment | None
    principal_at: Moment | None
    principal_due_at: Moment | None = Field(description="when the principal is told if nobody acknowledges")


class SentView(BaseModel):
    """Who was sent there last."""

    id: str
    who: str
    by: str
    at: Moment
    arrived_at: Moment | None


class PatrolView(BaseModel):
    """The last patrol, and when the next is due; overdue where none ever came."""

    at: Moment | None
    by: str
    note: str
    due_at: Moment | None
    overdue: bool


class Tile(BaseModel):
    """One water."""

    site: str
    id: str
    name: str
    place: str
    grade: str = Field(description="a colour of the scale for waters, e.g. red, orange, blue; empty: not graded")
    grade_name: str
    state: State
    since: Moment | None
    watched: bool = Field(description="something here would notice a person")
    in_season: bool
    months: tuple[int, ...]
    armed: tuple[str, ...]
    configured: bool
    sensors: tuple[SensorView, ...]
    levels: tuple[LevelView, ...]
    alerts: tuple[AlertView, ...]
    stage: StageView | None
    sent: SentView | None
    patrol: PatrolView | None
    gear: dict[str, bool | None] = Field(description="四个一: there, missing, or never checked")


def board(connection: Connection, services: Services, reach: Reach = EVERYWHERE) -> list[Tile]:
    """Return all tiles within reach, by state, then by grade."""
    now = services.now()
    going = {
        row.alert: row
        for row in connection.execute(select(escalations).where(escalations.c.open))
        if reach.sees(row.site)
    }
    sent, patrols = last_sent(connection, now), last_patrols(connection)
    scale = next((s for s in services.ledger.judgement.scales if s.object == "water"), None)
    grades = {c.id: (c.level, c.zh) for c in scale.colours} if scale else {}
    tiles: list[Tile] = []
    for found in gather(connection, services, reach):
        key = (found.section.site, found.section.id)
        tile = _tile(services, found, going, sent.get(key), patrols.get(key), now)
        tiles.append(tile.model_copy(update={"grade_name": grades.get(tile.grade, (0, ""))[1]}))
    return sorted(tiles, key=lambda t: (RANK[t.state], grades.get(t.grade, (99, ""))[0], t.site, t.name))


def _tile(
    services: Services,
    found: Found,
    going: dict[str, Row[Any]],
    sent: Row[Any] | None,
    patrol: Row[Any] | None,
    now: datetime,
) -> Tile:
    water, sensors = found.section, found.sensors
    alerts = sorted((a for s in sensors for a in s.alerts), key=lambda a: a.began_at)
    here = [going[a.id] for a in alerts if a.id in going]
    standing = judge(sensors, {row.alert: Stage(row.stage) for row in here})
    season = services.waters.season
    in_season = now.astimezone(services.plan.zone).month in season.months
    checked: dict[str, bool] = dict(patrol.gear) if patrol is not None else {}
    return Tile(
        site=water.site, id=water.id, name=water.name, place=water.place, grade=water.grade, grade_name="",
        state=standing.state, since=standing.since, watched=standing.watched, in_season=in_season,
        months=season.months, armed=water.armed, configured=found.configured,
        sensors=tuple(_sensor(s) for s in sensors), levels=tuple(_levels(water, sensors)),
        alerts=tuple(AlertView.model_validate(a) for a in alerts), stage=_stage(here),
        sent=None if sent is None else SentView.model_validate(sent, from_attributes=True),
        patrol=_patrol(patrol, season.patrol_days if in_season else season.patrol_days_off, now)
        if found.configured else None,
        gear={item: checked.get(item) for item in water.gear} if found.configured else {},
    )  # fmt: skip


def _sensor(sensor: Sensor) -> SensorView:
    return SensorView(
        agent=sensor.agent, point=sensor.point, name=sensor.name, kind=sensor.kind, state=sensor.state,
        reason=sensor.unknown, value=sensor.value, unit=sensor.unit, at=sensor.at,
    )  # fmt: skip


def _levels(water: WaterSection, sensors: tuple[Sensor, ...]) -> list[LevelView]:
    told = {
        f"{s.agent}/{s.point}": LevelSection(
            point=f"{s.agent}/{s.point}", high=s.limits.get("high"), critical=s.limits.get("critical")
        )
        for s in sensors
        if s.kind == "water-level"
    }
    # What is configured here wins over what the gauge's own rule says.
    first = {one.point: _over(one, told.pop(one.point, None)) for one in water.level} | told
    return [
        LevelView(agent=p.partition("/")[0], point=p.partition("/")[2], high=one.high, critical=one.critical)
        for p, one in first.items()
    ]


def _over(one: LevelSection, told: LevelSection | None) -> LevelSection:
    if told is None or one.high is not None or one.critical is not None:
        return one
    return told


def _stage(here: list[Row[Any]]) -> StageView | None:
    if not here:
        return None
    ranks = list(Stage)
    row = max(here, key=lambda r: (ranks.index(Stage(r.stage)), -r.began_at.timestamp()))
    due = row.lingering_at + timedelta(seconds=row.ack_s) if row.lingering_at and row.principal_at is None else None
    return StageView(
        alert=row.alert, stage=Stage(row.stage), began_at=row.began_at, lingering_at=row.lingering_at,
        principal_at=row.principal_at, principal_due_at=due,
    )  # fmt: skip


def _patrol(row: Row[Any] | None, days: float, now: datetime) -> PatrolView:
    if row is None:
        return PatrolView(at=None, by="", note="", due_at=None, overdue=True)
    due = row.at + timedelta(days=days)
    return PatrolView(at=row.at, by=row.by, note=row.note, due_at=due, overdue=now > due)
