"""Agents, what they watch, and what their points read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from sqlalchemy import select

from contracts.messages import Value
from server.accounts.sessions import Session
from server.accounts.web import Parts, require
from server.alerts.tables import alerts
from server.api.problems import Problem, declared
from server.moments import Moment, in_utc
from server.presence.tables import points as point_table
from server.presence.watch import AgentView

router = APIRouter(prefix="/api/v1", tags=["agents"])


class PointView(BaseModel):
    """One point: what it is, its newest value, and whether its agent is heard."""

    site: str
    agent: str
    point: str
    name: str
    kind: str
    unit: str
    place: str
    grid: str
    zone: str
    auxiliary: bool
    simulated: bool
    value: Value = Field(description="its newest value; None where none has come since the server started")
    at: Moment | None
    link: str = Field(description="its agent's link: a value is only as good as that")
    alerts: tuple[str, ...] = Field(description="hazards that stand at it now")


class ReadingView(BaseModel):
    """One value of the course."""

    at: Moment
    value: float | str | None


@router.get("/agents", responses=declared(401, 403))
def agents(
    session: Annotated[Session, Depends(require("agents.read"))],
    services: Parts,
    site: Annotated[str, Query(max_length=40)] = "",
) -> list[AgentView]:
    """List agents and how alive they are."""
    wanted = session.site or site
    return [view for view in services.presence.views if not wanted or view.site == wanted]


@router.get("/points", responses=declared(401, 403, 422))
def points(
    session: Annotated[Session, Depends(require("points.read"))],
    services: Parts,
    site: Annotated[str, Query(max_length=40)] = "",
    limit: Annotated[int, Query(ge=1, le=10_000)] = 2_000,
) -> list[PointView]:
    """List points with their newest value."""
    wanted = session.site or site
    statement = select(point_table).where(point_table.c.gone.is_(False)).limit(limit)
    standing = select(alerts.c.site, alerts.c.agent, alerts.c.point, alerts.c.kind).where(
        alerts.c.open, alerts.c.active
    )
    if wanted:
        statement, standing = statement.where(point_table.c.site == wanted), standing.where(alerts.c.site == wanted)
    with services.database.read.connect() as connection:
        rows = connection.execute(statement.order_by(point_table.c.site, point_table.c.agent, point_table.c.id)).all()
        hazards: dict[tuple[str, str, str], list[str]] = {}
        for row in connection.execute(standing):
            hazards.setdefault((row.site, row.agent, row.point), []).append(row.kind)
    views = {(view.site, view.agent): view for view in services.presence.views}
    found: list[PointView] = []
    for row in rows:
        newest = services.latest.get((row.site, row.agent, row.id))
        agent = views.get((row.site, row.agent))
        found.append(
            PointView(
                site=row.site, agent=row.agent, point=row.id, name=row.name, kind=row.kind, unit=row.unit,
                place=row.place, grid=row.grid, zone=row.zone, auxiliary=row.auxiliary,
                simulated=agent.simulated if agent else False, value=newest.value if newest else None,
                at=newest.at if newest else None, link=agent.link if agent else "lost",
                alerts=tuple(hazards.get((row.site, row.agent, row.id), ())),
            )
        )  # fmt: skip
    return found


@router.get("/readings", responses=declared(401, 403, 404, 422, 503))
def readings(
    session: Annotated[Session, Depends(require("readings.read"))],
    services: Parts,
    point: Annotated[str, Query(max_length=130, description="POINT, or SITE/AGENT/POINT where that is not enough")],
    begin: Annotated[datetime | None, Query(alias="from", description="an hour before `to` where not given")] = None,
    end: Annotated[datetime | None, Query(alias="to", description="now where not given")] = None,
    limit: Annotated[int, Query(ge=1, le=100_000)] = 10_000,
) -> list[ReadingView]:
    """Give the course of one point, oldest first."""
    key = _find(services, session, point)
    until = in_utc(end) if end else services.now()
    try:
        since = in_utc(begin) if begin else until - timedelta(hours=1)
    except OverflowError as e:
        raise Problem(422, "Not understood", f"from, to: {e}") from e
    return [ReadingView(at=at, value=value) for at, value in services.series.read(key, since, until, limit)]


def _find(services: Parts, session: Session, point: str) -> tuple[str, str, str]:
    table = point_table.c
    statement = select(table.site, table.agent, table.id)
    match point.split("/"):
        case [site, agent, name]:
            statement = statement.where(table.site == site, table.agent == agent, table.id == name)
        case [name]:
            statement = statement.where(table.id == name)
        case _:
            raise Problem(422, "Not understood", "point: is POINT or SITE/AGENT/POINT")
    if session.site:
        statement = statement.where(table.site == session.site)
    with services.database.read.connect() as connection:
        rows = connection.execute(statement.limit(2)).all()
    match rows:
        case [row]:
            return row.site, row.agent, row.id
        case []:
            raise Problem(404, "Unknown", f"point {point}: there is none")
        case _:
            raise Problem(422, "Not understood", f"point {point}: is at several agents: give SITE/AGENT/POINT")
