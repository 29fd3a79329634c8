"""Drills: plan one, give its signals, take the roll, read the result and the record."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field
from sqlalchemy import Connection

from config.school import SchoolConfig
from server.accounts.audit import note
from server.accounts.looking import viewed
from server.accounts.sessions import Session
from server.accounts.web import Parts, require
from server.api.drill_bodies import (
    EndBody,
    NewDrill,
    ProblemBody,
    RollBody,
    Rolled,
    ServerClock,
    SignalBody,
    Text,
    rolled,
)
from server.api.problems import Problem, declared
from server.drills import store
from server.drills.clocks import Moment, Trust
from server.drills.conductor import Conductor, Flaw
from server.drills.curve import BOARD, PAGE, Words, svg
from server.drills.inputs import Act, Ended, Signal, Start, Voided
from server.drills.planning import plan
from server.drills.record import FIELDS
from server.drills.results import Phase, Result
from server.drills.view import (
    DrillRow,
    DrillView,
    RunningDrill,
    SchoolView,
    record,
    row_of,
    running_now,
    school_view,
    view,
)
from server.duties.records import take_back
from server.services import Services

router = APIRouter(prefix="/api/v1/drills", tags=["drills"])

Reader = Annotated[Session, Depends(require("drills.read"))]
Leader = Annotated[Session, Depends(require("drills.lead"))]
Caller = Annotated[Session, Depends(require("drills.report"))]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("", responses=declared(401, 403, 422))
def drills(
    session: Reader,
    services: Parts,
    site: Annotated[str, Query(max_length=40)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> list[DrillRow]:
    """List drills, the newest first."""
    conductor = _conductor(services)
    with services.database.read.connect() as connection:
        found = store.recent(connection, session.reach.at(site), limit)
    return [row_of(drill, conductor.schools.get(drill.site)) for drill in found]


@router.get("/running", responses=declared(401, 403))
def running(session: Reader, services: Parts) -> list[RunningDrill]:
    """Drills that run now, with the real alarms in their midst."""
    conductor, now_s = _conductor(services), time.time()
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
    known = _conductor(services).schools.values()
    return [school_view(school) for school in known if session.reach.sees(school.site)]


@router.get("/clock", responses=declared(401, 403))
def clock(_session: Reader) -> ServerClock:
    """Tell the server's time, for a phone to learn its own offset."""
    return ServerClock(server_ms=time.time() * 1000)


@router.post("", status_code=201, responses=declared(401, 403, 404, 422, 503))
def create(body: NewDrill, session: Leader, services: Parts) -> DrillRow:
    """Plan a drill."""
    conductor, now = _conductor(services), services.now()
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
    shown = _view(services, session, drill_id)
    viewed(services, session, "drill viewed", drill_id)
    return shown


@router.post("/{drill_id}/signal", responses=declared(401, 403, 404, 409, 422, 503))
def signal(drill_id: str, body: SignalBody, session: Leader, services: Parts) -> DrillView:
    """Give a signal now; `evacuate` starts the official clock."""
    now_s = time.time()
    moment = Moment(now_s, 0.0, Trust.MEASURED)
    _say(services, session, drill_id, "signal", Start(body.id, Signal(body.signal), moment, session.user))
    return _view(services, session, drill_id)


@router.post("/{drill_id}/end", responses=declared(401, 403, 404, 422, 503))
def end(drill_id: str, body: EndBody, session: Leader, services: Parts) -> DrillView:
    """End a drill by hand; a drill that ended by itself is not changed."""
    act = Ended(body.id, Moment(time.time(), 0.0, Trust.MEASURED), session.user)
    _say(services, session, drill_id, "end", act)
    return _view(services, session, drill_id)


@router.post("/{drill_id}/void", responses=declared(401, 403, 404, 422, 503))
def void(drill_id: str, body: EndBody, session: Leader, services: Parts) -> DrillView:
    """Declare that a drill does not count."""
    act = Voided(body.id, Moment(time.time(), 0.0, Trust.MEASURED), session.user, body.reason)
    _say(services, session, drill_id, "void", act)
    services.writer.write(lambda c: take_back(c, "drill", drill_id))  # also of a drill that is no longer followed
    return _view(services, session, drill_id)


@router.post("/{drill_id}/roll", responses=declared(401, 403, 404, 422, 503))
def roll(
    drill_id: str, body: Annotated[list[RollBody], Field(max_length=100)], session: Caller, services: Parts
) -> Rolled:
    """Take the words of one or more classes; a phone sends again what it is not sure of."""
    now = services.now()
    acts = [rolled(one, now.timestamp(), session.user) for one in body]

    def work(connection: Connection) -> None:
        found = _own(session, store.get(connection, drill_id))
        known = {c.id for c in found.plan.classes}
        for act in acts:
            if act.class_id not in known:
                raise Problem(422, "Not understood", f"{act.class_id}：不在这次演练的班级名单里")
            store.say(connection, found, act, session.user, now)

    services.writer.write(work)
    return Rolled(kept=tuple(act.id for act in acts))


@router.post("/{drill_id}/problems", status_code=201, responses=declared(401, 403, 404, 422, 503))
def problem(drill_id: str, body: ProblemBody, session: Caller, services: Parts) -> DrillView:
    """Write down a problem and open its entry in the ledger, in one step."""
    conductor, now = _conductor(services), services.now()

    def work(connection: Connection) -> None:
        found = _own(session, store.get(connection, drill_id))
        if any(p.id == body.id for p in store.problems(connection, found.id)):
            return
        cause = f"drill/{found.id}/{body.id}"[:160]
        hazard = conductor.open_hazard(connection, Flaw(found.site, cause, body.text, body.place, session.user, now))
        kept = store.Problem(body.id, now, session.user, body.text, body.place, hazard)
        store.add_problem(connection, found, kept, now)

    services.writer.write(work)
    return _view(services, session, drill_id)


@router.put("/{drill_id}/record", responses=declared(401, 403, 404, 422, 503))
def write_record(drill_id: str, body: dict[str, Text], session: Leader, services: Parts) -> DrillView:
    """Keep what was filled in on the record."""
    unknown = sorted(set(body) - set(FIELDS))
    if unknown:
        raise Problem(422, "Not understood", f"{', '.join(unknown)}: not a field of the record")
    now = services.now()

    def work(connection: Connection) -> None:
        found = _own(session, store.get(connection, drill_id))
        store.save_record(connection, found, body, now)
        note(connection, now, session.user, "drill record", found.id, text=", ".join(sorted(body)))

    services.writer.write(work)
    return _view(services, session, drill_id)


@router.get("/{drill_id}/curve.svg", responses=declared(401, 403, 404))
def curve(
    drill_id: str,
    session: Reader,
    services: Parts,
    lang: Literal["zh-CN", "en"] = "zh-CN",
    sheet: Literal["page", "board"] = "page",
) -> Response:
    """The curve of people out, as a picture; for the projector's board in large letters."""
    with services.database.read.connect() as connection:
        found = _own(session, store.get(connection, drill_id))
        seen = _result(services, connection, found)
    until = time.time() - seen.t0_s if seen.phase is Phase.EVACUATING and seen.t0_s is not None else None
    drawn = svg(seen, CURVE_WORDS[lang], until, BOARD if sheet == "board" else PAGE)
    return Response(drawn, media_type="image/svg+xml")


@router.get("/{drill_id}/record.xlsx", responses=declared(401, 403, 404))
def record_workbook(drill_id: str, session: Reader, services: Parts) -> Response:
    """The record as an Excel workbook."""
    from server.drills.workbook import workbook  # noqa: PLC0415 - slow to load, and rarely wanted

    with services.database.read.connect() as connection:
        found = _own(session, store.get(connection, drill_id))
        school = _conductor(services).schools.get(found.site)
        file = workbook(record(connection, found, _result(services, connection, found), school))
    now = services.now()
    services.writer.write(lambda c: note(c, now, session.user, "drill export", found.id))
    headers = {"Content-Disposition": f'attachment; filename="drill-{found.id}.xlsx"'}
    return Response(file, media_type=XLSX, headers=headers)


CURVE_WORDS = {
    "zh-CN": Words("疏散人数曲线", "目标", "合计", "人"),
    "en": Words("People out over time", "target", "all", "people"),
}


def _conductor(services: Services) -> Conductor:
    if services.drills is None:
        raise Problem(503, "Cannot be done now", "drills are not set up on this server")
    return services.drills


def _own(session: Session, drill: store.Drill) -> store.Drill:
    if not session.reach.sees(drill.site):
        raise Problem(404, "Unknown", f"drill {drill.id}: there is none with this id")
    return drill


def _say(services: Services, session: Session, drill_id: str, what: str, act: Act) -> None:
    now = services.now()

    def work(connection: Connection) -> None:
        found = _own(session, store.get(connection, drill_id))
        if store.say(connection, found, act, session.user, now):
            note(connection, now, session.user, f"drill {what}", drill_id)

    services.writer.write(work)


def _result(services: Services, connection: Connection, drill: store.Drill) -> Result:
    return _conductor(services).compute(connection, drill, time.time())


def _view(services: Services, session: Session, drill_id: str) -> DrillView:
    conductor = _conductor(services)
    with services.database.read.connect() as connection:
        found = _own(session, store.get(connection, drill_id))
        seen = _result(services, connection, found)
        school: SchoolConfig | None = conductor.schools.get(found.site)
        return view(connection, found, seen, school, time.time())
