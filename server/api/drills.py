"""Drills: which there are, which one runs, and planning one."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy import Connection

from server.accounts.audit import note
from server.accounts.looking import viewed
from server.accounts.web import Parts
from server.api.drill_access import Leader, Reader, conductor_of, view_of
from server.api.drill_bodies import NewDrill, ServerClock
from server.api.problems import Problem, declared
from server.drills import outcome, store
from server.drills.planning import plan
from server.drills.view import DrillRow, DrillView, RunningDrill, SchoolView, row_of, running_now, school_view

router = APIRouter(prefix="/api/v1/drills", tags=["drills"])


@router.get("", responses=declared(401, 403, 422))
def drills(
    session: Reader,
    services: Parts,
    site: Annotated[str, Query(max_length=40)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> list[DrillRow]:
    """List drills, the newest first."""
    conductor = conductor_of(services)
    with services.database.read.connect() as connection:
        found = store.recent(connection, session.reach.at(site), limit)
        results = outcome.newest(connection, [drill.id for drill in found])
    return [row_of(drill, conductor.schools.get(drill.site), results.get(drill.id)) for drill in found]


@router.get("/running", responses=declared(401, 403))
def running(session: Reader, services: Parts) -> list[RunningDrill]:
    """Drills that run now, with the real alarms in their midst."""
    conductor, now_s = conductor_of(services), time.time()
    with services.database.read.connect() as connection:
        return [
            running_now(connection, drill, conductor.schools.get(drill.site))
            for drill in store.open_drills(connection, now_s)
            if drill.phase in store.RUNNING
            and session.reach.sees(drill.site)
            and store.running(connection, drill.site, now_s) == drill.id
        ]


@router.get("/schools", responses=declared(401, 403))
def schools(session: Reader, services: Parts) -> list[SchoolView]:
    """What can be planned, and whether the targets can be met at all."""
    known = conductor_of(services).schools.values()
    return [school_view(school) for school in known if session.reach.sees(school.site)]


@router.get("/clock", responses=declared(401, 403))
def clock(_session: Reader) -> ServerClock:
    """Tell the server's time, for a phone to learn its own offset."""
    return ServerClock(server_ms=time.time() * 1000)


@router.post("", status_code=201, responses=declared(401, 403, 404, 422, 503))
def create(body: NewDrill, session: Leader, services: Parts) -> DrillRow:
    """Plan a drill."""
    conductor, now = conductor_of(services), services.now()
    school = conductor.schools.get(body.site)
    if school is None or not session.reach.sees(body.site):
        raise Problem(404, "Unknown", f"{body.site}：没有这所学校的演练配置（schools = [...]）")
    unknown = set(body.buildings) - {b.id for b in school.building}
    if unknown:
        raise Problem(422, "Not understood", f"{'、'.join(sorted(unknown))}：没有这栋楼")
    made = plan(school, body.kind, body.buildings, body.people)
    begins = body.planned_at if body.planned_at and body.planned_at.tzinfo else None
    armed = (begins or now) + timedelta(minutes=body.armed_minutes) if body.armed_minutes else None
    extra: dict[str, Any] = {"shelter_s": body.shelter_s} if body.shelter_s else {}
    wish = store.Wish(
        site=body.site,
        kind=body.kind,
        name=body.name,
        planned_at=begins,
        starts_itself=body.starts_itself and begins is not None,
        armed_until=armed,
        record=extra,
        simulated=services.simulated,
    )

    def work(connection: Connection) -> store.Drill:
        drill = store.create(connection, wish, made, session.user, now)
        note(connection, now, session.user, "drill plan", drill)
        return store.get(connection, drill)

    return row_of(services.writer.write(work), school)


@router.get("/{drill_id}", responses=declared(401, 403, 404))
def drill(drill_id: str, session: Reader, services: Parts) -> DrillView:
    """Show a drill as it stands, its roll call too; who looked is written into the audit, once an hour."""
    shown = view_of(services, session, drill_id)
    viewed(services, session, "drill viewed", drill_id)
    return shown
