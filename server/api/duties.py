"""Duties: what is due today, a month at a school, coverage above the schools, records, and the calendar feed."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from config.duties import Duty
from server.accounts.reach import Reach
from server.accounts.sessions import Session
from server.accounts.web import Parts, require
from server.api.places import school_of
from server.api.problems import Problem, declared
from server.api.refusals import refusals
from server.duties import devices, ical, tasks
from server.duties.bearers import Bearer, known_sites
from server.duties.records import Deed, record
from server.duties.tasks import Task
from server.moments import Day, Moment
from server.services import Services

router = APIRouter(prefix="/api/v1/duties", tags=["duties"])
Reader = Annotated[Session, Depends(require("duties.read"))]


class TaskView(BaseModel):
    """One duty in one period for one who has it."""

    duty: str
    name: str
    slot: str
    first: date
    last: date
    due: Moment
    site: str
    subject: str
    bearer: str
    amount: float
    target: float
    unit: str
    standing: str
    evidence: list[str]
    zero_report: bool
    note: str
    page: str = Field(default="", description="where it is done")
    by_hand: bool = Field(default=True, description="whether a person may record it; else only its proof does")
    devices: str = Field(default="", description="what devices say of it: counted by the program, no person's word")

    @classmethod
    def of(cls, task: Task) -> TaskView:
        """Show a task."""
        duty, slot, bearer = task.duty, task.slot, task.bearer
        return cls(
            duty=duty.id, name=duty.zh, slot=slot.key, first=slot.first, last=slot.last, due=slot.due,
            site=bearer.site, subject=bearer.id, bearer=bearer.name, amount=task.amount, target=duty.target,
            unit=duty.unit, standing=task.standing, evidence=list(duty.evidence), zero_report=duty.zero_report,
            note=duty.note, page=duty.page, by_hand=duty.by_hand, devices=task.devices,
        )  # fmt: skip


class Record(BaseModel):
    """What was done, with its evidence."""

    duty: str = Field(max_length=20)
    site: str = Field(default="", max_length=40)
    subject: str = Field(default="", max_length=80)
    amount: float = 1
    at: Moment | None = None
    evidence: dict[str, str] = {}


@router.get("", responses=declared(401, 403, 422))
def standing(session: Reader, services: Parts, site: Annotated[str, Query(max_length=40)] = "") -> list[TaskView]:
    """List how every duty of today's periods stands, for everyone who has it."""
    day = services.now().astimezone(services.plan.zone).date()
    return [TaskView.of(task) for task in _tasks(services, session, day, day, site)]


@router.get("/today", responses=declared(401, 403))
def today(session: Reader, services: Parts) -> list[TaskView]:
    """List what is due today for the person who asks."""
    day = services.now().astimezone(services.plan.zone).date()
    return [TaskView.of(task) for task in _tasks(services, session, day, day, mine=True)]


@router.get("/month", responses=declared(401, 403, 422))
def month(
    session: Reader, services: Parts, year: Annotated[int, Query(ge=2000, le=2200)],
    number: Annotated[int, Query(alias="month", ge=1, le=12)], site: Annotated[str, Query(max_length=40)] = "",
) -> list[TaskView]:  # fmt: skip
    """List every task of a month at one school."""
    first = date(year, number, 1)
    last = first.replace(day=monthrange(year, number)[1])
    return [TaskView.of(task) for task in _tasks(services, session, first, last, site)]


@router.get("/coverage", responses=declared(401, 403, 422))
def coverage(
    session: Reader, services: Parts, first: Day | None = None, last: Day | None = None
) -> list[dict[str, Any]]:
    """Count per school and duty how many tasks were met and missed; a month back where no days are given."""
    last = last or services.now().astimezone(services.plan.zone).date()
    first = first or last - timedelta(days=30)
    if not timedelta(0) <= last - first <= timedelta(days=400):
        raise Problem(422, "Not understood", "起止日期不对：最多 400 天，且先后有序")
    reach = session.reach
    with services.database.read.connect() as connection:
        sites = _sites(connection, reach)
        found = tasks.coverage(
            connection, services.plan, sites, first, last, services.now(), lambda d, b: _seen(session, reach, d, b)
        )
    names = {duty.id: duty.zh for duty in services.plan.duties.duties}
    return [
        {"site": site, "duty": duty, "name": names[duty], **{one.value: n for one, n in counted.items()}}
        for (site, duty), counted in sorted(found.items())
    ]


@router.get("/calendar.ics", responses=declared(401, 403, 422), response_class=Response)
def feed(
    session: Annotated[Session, Depends(require("duties.feed", by_address=True))],
    services: Parts,
) -> Response:
    """Give the tasks of the person who asks, a week back and a month on, as iCalendar.

    A calendar sends no header: `?token=` takes a token whose scope is `duties.feed` alone.
    """
    now = services.now()
    day = now.astimezone(services.plan.zone).date()
    found = _tasks(services, session, day - timedelta(days=7), day + timedelta(days=31), mine=True)
    return Response(ical.feed(found, now), media_type="text/calendar; charset=utf-8")


@router.post("/records", status_code=201, responses=declared(401, 403, 404, 422, 503))
def done(
    body: Record, session: Annotated[Session, Depends(require("duties.write"))], services: Parts
) -> dict[str, str]:
    """Record that a duty was done."""
    duty = services.plan.duties.duty(body.duty)
    if duty is None:
        raise Problem(404, "Unknown", f"没有“{body.duty}”这项职责")
    if duty.roles and session.role not in duty.roles:
        raise Problem(403, "Not allowed", f"“{duty.zh}”不是您的职责")
    now = services.now()
    at = body.at or now
    if not now - timedelta(days=31) <= at <= now + timedelta(minutes=5):
        raise Problem(422, "Not understood", f"时间 {at:%Y-%m-%d} 不对：只能补记 31 天之内的")
    if any("\0" in text or len(text) > 2000 for text in (*body.evidence.values(), *body.evidence, body.subject)):
        raise Problem(422, "Not understood", "内容太长（最多 2000 字）或含有不能保存的字符")
    above = duty.subject in {"county", "city"}
    subject = session.user if duty.subject == "person" else body.subject
    site = session.reach.only if duty.subject == "person" else "" if above else school_of(session, body.site)
    if duty.subject == "grid" and not session.reach.sees_grid(site, subject):
        raise Problem(403, "Not allowed", f"{subject}：不是您的网格")
    deed = Deed(site, session.user, at, subject, body.amount, body.evidence)

    def work(connection: Connection) -> None:
        if devices.proved(connection, duty, site):
            raise Problem(409, "Not possible now", f"“{duty.zh}”由设备状态自动计算，不能手工填写")
        record(connection, duty, deed)

    with refusals():
        services.writer.write(work)
    return {"duty": duty.id, "at": at.isoformat()}


def _tasks(
    services: Services, session: Session, first: date, last: date, site: str = "", *, mine: bool = False
) -> list[Task]:
    reach, who = session.reach.at(site), (session.user, session.role.value) if mine else None
    with services.database.read.connect() as connection:
        sites = _sites(connection, reach)
        found = tasks.tasks(connection, services.plan, sites, first, last, services.now(), who)
    return [t for t in found if t.slot.due >= t.bearer.since and _seen(session, reach, t.duty, t.bearer)]


def _sites(connection: Connection, reach: Reach) -> tuple[str, ...]:
    return (reach.only,) if reach.only else reach.among(known_sites(connection))


def _seen(session: Session, reach: Reach, duty: Duty, bearer: Bearer) -> bool:
    """Tell whether a task is this person's to see: of his schools and grids, or his own."""
    if bearer.person == session.user:
        return True
    if duty.subject == "person":
        return bearer.reach.within(reach)
    if duty.subject == "grid":
        return reach.sees_grid(bearer.site, bearer.id, bearer.name)
    return not bearer.site or reach.sees(bearer.site)
