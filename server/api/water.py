"""The water side: what is watched, the board's tiles, who goes there, who patrolled."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy import Connection, select

from contracts.messages import Id
from contracts.vocabulary import Hazard
from server.accounts.reach import Reach
from server.accounts.sessions import Session
from server.accounts.web import Parts, require
from server.alerts.actions import By, acknowledge
from server.alerts.store import listed
from server.alerts.view import AlertView
from server.api.problems import Problem, declared
from server.api.refusals import refusals
from server.api.water_bodies import ArrivalBody, BoardView, CheckedIn, CheckInBody, DispatchBody, WaterView
from server.presence.tables import points, zones
from server.services import Services
from server.water import records
from server.water.board import board
from server.water.gather import WATER_KINDS, Found, gather
from server.water.patrol import CheckIn, check_in
from server.water.plot import SPAN, svg

router = APIRouter(prefix="/api/v1/water", tags=["water"])

WATER_HAZARDS = frozenset({Hazard.WATER_PERSON, Hazard.WATER_LEVEL, Hazard.LIFE_RING})
Reader = Annotated[Session, Depends(require("water.read"))]
MOST_SAMPLES = 200_000


@router.get("", responses=declared(401, 403))
def water(session: Reader, services: Parts, site: Annotated[str, Query(max_length=40)] = "") -> list[WaterView]:
    """List everything that is watched at the water."""
    reach = session.reach.at(site)
    found: list[WaterView] = []
    with services.database.read.connect() as connection:
        rows = [
            *connection.execute(select(zones).where(zones.c.gone.is_(False))),
            *connection.execute(select(points).where(points.c.gone.is_(False), points.c.kind.in_(WATER_KINDS))),
        ]
        standing = [a for a in listed(connection, reach=reach, only_open=True, limit=1000) if a.kind in WATER_HAZARDS]
    for row in rows:
        if not reach.sees(row.site):
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


@router.get("/board", responses=declared(401, 403))
def tiles(session: Reader, services: Parts, site: Annotated[str, Query(max_length=40)] = "") -> BoardView:
    """Give every water with its state, the worst first."""
    with services.database.read.connect() as connection:
        found = board(connection, services, session.reach.at(site))
    return BoardView(server_time=services.now(), tiles=tuple(found))


@router.get(
    "/{site}/{water}/level.svg",
    response_class=Response,
    responses={**declared(401, 403, 404), 200: {"content": {"image/svg+xml": {}}}},
)
def level(
    site: str, water: str, session: Reader, services: Parts, point: Annotated[str, Query(max_length=81)] = ""
) -> Response:
    """Draw the last 24 hours of a level (`agent/point`; the first one where none is named) with its limits."""
    with services.database.read.connect() as connection:
        _find(connection, services, session, site, water)
        tile = next(t for t in board(connection, services, Reach.of(site)) if t.id == water)
    chosen = next((one for one in tile.levels if point in ("", f"{one.agent}/{one.point}")), None)
    if chosen is None:
        raise Problem(404, "Unknown", f"{tile.name}：没有水位测点 {point}".rstrip())
    now = services.now()
    samples = services.series.read(
        (site, chosen.agent, chosen.point), now - SPAN, now + timedelta(seconds=1), MOST_SAMPLES
    )
    limits = [(n, v) for n, v in (("high", chosen.high), ("critical", chosen.critical)) if v is not None]
    picture = svg(samples, now.astimezone(services.plan.zone), limits, f"{tile.name} 24 h")
    return Response(picture, media_type="image/svg+xml", headers={"Cache-Control": "private, max-age=30"})


@router.post("/{site}/{water}/dispatch", responses=declared(401, 403, 404, 422, 503))
def dispatch(
    site: str,
    water: str,
    body: DispatchBody,
    session: Annotated[Session, Depends(require("water.dispatch"))],
    services: Parts,
) -> BoardView:
    """Record that somebody goes there. Who sends somebody knows: the alerts that stand there are acknowledged."""

    def work(connection: Connection) -> None:
        found, now = _find(connection, services, session, site, water), services.now()
        who = body.who.strip() or session.user
        if records.send(connection, records.Sent(body.id, site, water, who, session.user, now)):
            by = By(session.user, now, services.alert_hook)
            for alert in (a for s in found.sensors for a in s.alerts if session.may("alerts.ack")):
                if not alert.acked and alert.kind != Hazard.FAULT:
                    acknowledge(connection, alert.id, by, f"已派{who}前往")

    services.writer.write(work)
    return tiles(session, services)


@router.post("/arrived", responses=declared(401, 403, 404, 422, 503))
def arrived(
    body: ArrivalBody, session: Annotated[Session, Depends(require("water.dispatch"))], services: Parts
) -> BoardView:
    """Record that who was sent is there."""
    services.writer.write(lambda c: records.arrive(c, body.id, session.reach, session.user, services.now()))
    return tiles(session, services)


@router.post("/checkin", responses=declared(401, 403, 404, 409, 422, 503))
def checkin(
    body: CheckInBody, session: Annotated[Session, Depends(require("water.patrol"))], services: Parts
) -> CheckedIn:
    """Record a patrol's visit by the code of its checkpoint."""

    def work(connection: Connection) -> CheckedIn:
        found, checkpoint = records.find(connection, services.waters, body.token)
        if not session.reach.sees(found.site):
            raise Problem(404, "Unknown", "这个巡查点不在您的学校")
        word = CheckIn(body.id, checkpoint, body.gear, body.note, body.trouble, body.age_s)
        outcome = check_in(connection, services, found, word, session)
        return CheckedIn(hazards=outcome.hazards, left=outcome.left, fulfilled=outcome.fulfilled)

    with refusals():
        return services.writer.write(work)


def _find(connection: Connection, services: Services, session: Session, site: str, water: Id) -> Found:
    if session.reach.sees(site):
        for found in gather(connection, services, Reach.of(site)):
            if found.section.id == water:
                return found
    raise Problem(404, "Unknown", f"没有水域 {site}/{water}")
