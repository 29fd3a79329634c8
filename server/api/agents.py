"""Agents, what they watch, and what their points read now."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from sqlalchemy import and_, select

from contracts.messages import Value
from contracts.vocabulary import SensorKind
from server.accounts.sessions import Session
from server.accounts.web import Parts, require
from server.alerts.tables import IS_OPEN, alerts
from server.api.problems import declared
from server.history import bounds
from server.moments import Moment
from server.presence.tables import agents as agent_table
from server.presence.tables import points as point_table
from server.presence.watch import AgentView
from server.services import Services

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
    low: float | None = Field(default=None, description="where the value is an estimate: what it is at least")
    high: float | None = Field(default=None, description="what it is at most")
    quality: float | None = Field(default=None, description="how far it can be believed, 0 to 1")
    at: Moment | None
    age_s: float | None = Field(description="since its last good value, by its agent's last heartbeat")
    silence_s: float | None = Field(description="longer than this without a value is a fault; None: by its kind")
    link: str = Field(description="its agent's link: a value is only as good as that")
    alerts: tuple[str, ...] = Field(description="hazards that stand at it now")


@router.get("/agents", responses=declared(401, 403))
def agents(
    session: Annotated[Session, Depends(require("agents.read"))],
    services: Parts,
    site: Annotated[str, Query(max_length=40)] = "",
) -> list[AgentView]:
    """List agents and how alive they are."""
    reach = session.reach.at(site)
    return [view for view in services.presence.views if reach.sees(view.site)]


@router.get("/points", responses=declared(401, 403, 422))
def points(
    session: Annotated[Session, Depends(require("points.read"))],
    services: Parts,
    site: Annotated[str, Query(max_length=40)] = "",
    limit: Annotated[int, Query(ge=1, le=10_000)] = 2_000,
) -> list[PointView]:
    """List points with their newest value."""
    reach = session.reach.at(site)
    here = reach.where(point_table.c.site)
    theirs = and_(agent_table.c.site == point_table.c.site, agent_table.c.agent == point_table.c.agent)
    statement = (
        select(point_table, agent_table.c.simulated)
        .outerjoin(agent_table, theirs)
        .where(point_table.c.gone.is_(False), *here)
        .limit(limit)
    )
    standing = select(alerts.c.site, alerts.c.agent, alerts.c.point, alerts.c.kind).where(
        IS_OPEN, alerts.c.active, *reach.where(alerts.c.site)
    )
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
        sure = bounds.newest(services.latest, (row.site, row.agent, row.id)) if row.kind == SensorKind.LINE else None
        found.append(
            PointView(
                site=row.site, agent=row.agent, point=row.id, name=row.name, kind=row.kind, unit=row.unit,
                place=row.place, grid=row.grid, zone=row.zone, auxiliary=row.auxiliary,
                simulated=bool(row.simulated), value=newest.value if newest else None,
                low=sure.low if sure else None, high=sure.high if sure else None,
                quality=sure.quality if sure else None, at=newest.at if newest else None,
                age_s=_age_s(services, row.site, row.agent, row.id), silence_s=row.silence_s,
                link=agent.link if agent else "lost",
                alerts=tuple(hazards.get((row.site, row.agent, row.id), ())),
            )
        )  # fmt: skip
    return found


def _age_s(services: Services, site: str, agent: str, point: str) -> float | None:
    watch = services.presence.watches.get((site, agent))
    return watch.heartbeat.point_ages_s.get(point) if watch and watch.heartbeat else None
