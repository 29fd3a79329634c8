"""The water side: every watched zone and level, and what stands there."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from sqlalchemy import select

from contracts.messages import Value
from contracts.vocabulary import Hazard, SensorKind
from server.accounts.sessions import Session
from server.accounts.web import Parts, require
from server.alerts.store import listed
from server.alerts.view import AlertView
from server.api.problems import declared
from server.moments import Moment
from server.presence.tables import points, zones

router = APIRouter(prefix="/api/v1/water", tags=["water"])

WATER_POINTS = (SensorKind.WATER_LEVEL, SensorKind.LIFE_RING_BOX, SensorKind.LIFE_RING, SensorKind.BEAM)
WATER_HAZARDS = frozenset({Hazard.WATER_PERSON, Hazard.WATER_LEVEL, Hazard.LIFE_RING})


class WaterView(BaseModel):
    """One zone or point at the water, with the alerts that are open there."""

    site: str
    agent: str
    id: str
    name: str
    kind: str
    place: str
    value: Value
    at: Moment | None
    alerts: tuple[AlertView, ...]


@router.get("", responses=declared(401, 403))
def water(
    session: Annotated[Session, Depends(require("water.read"))],
    services: Parts,
    site: Annotated[str, Query(max_length=40)] = "",
) -> list[WaterView]:
    """List everything that is watched at the water."""
    wanted = session.site or site
    found: list[WaterView] = []
    with services.database.read.connect() as connection:
        rows = [
            *connection.execute(select(zones).where(zones.c.gone.is_(False))),
            *connection.execute(select(points).where(points.c.gone.is_(False), points.c.kind.in_(WATER_POINTS))),
        ]
        standing = [a for a in listed(connection, site=wanted, only_open=True, limit=1000) if a.kind in WATER_HAZARDS]
    for row in rows:
        if wanted and row.site != wanted:
            continue
        newest = services.latest.get((row.site, row.agent, row.id))
        here = [a for a in standing if (a.site, a.agent, a.point) == (row.site, row.agent, row.id)]
        found.append(
            WaterView(
                site=row.site, agent=row.agent, id=row.id, name=row.name, kind=row.kind, place=row.place,
                value=newest.value if newest else None, at=newest.at if newest else None,
                alerts=tuple(AlertView.model_validate(a) for a in here),
            )
        )  # fmt: skip
    return found
