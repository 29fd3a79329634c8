"""The 周研判: the hazards of a week, each judged in place, the minutes, and its conclusion."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from server.accounts.audit import note
from server.accounts.sessions import Session
from server.accounts.web import Parts, require
from server.api.hazard_views import HazardView, Step
from server.api.places import actor_of, school_of
from server.api.problems import Problem, declared
from server.api.refusals import refusals
from server.ledger import review
from server.ledger.ahead import label
from server.ledger.entry import Entry
from server.ledger.review import Meeting, Review, Week
from server.moments import Moment
from server.services import Services

router = APIRouter(prefix="/api/v1/reviews", tags=["hazards"])
Reader = Annotated[Session, Depends(require("hazards.read"))]
Holder = Annotated[Session, Depends(require("hazards.review"))]
WeekKey = Annotated[str, Path(pattern="^2[01][0-9]{2}-W[0-9]{2}$", description="2026-W19")]
Site = Annotated[str, Query(max_length=40)]


class UndecidedView(BaseModel):
    """A hazard without a decision, and what it lacks."""

    entry: HazardView
    lacking: list[str]
    lacking_text: list[str]


class ReviewView(BaseModel):
    """One week of one school."""

    site: str
    week: str
    first: date
    last: date
    version: int
    host: str
    present: str
    minutes: str
    concluded_by: str
    concluded_at: Moment | None
    undecided: list[UndecidedView]
    decided: list[HazardView]
    fields: list[str] = Field(description="what a decision may fill in")

    @classmethod
    def of(cls, made: Review, services: Services) -> ReviewView:
        """Show a week."""
        judgement, meeting, week = services.ledger.judgement, made.meeting, made.week
        open_ = [(entry, list(review.lacking(entry, judgement))) for entry in made.undecided]
        return cls(
            site=week.site, week=week.key, first=week.first, last=week.last, version=meeting.version,
            host=meeting.host, present=meeting.present, minutes=meeting.minutes,
            concluded_by=meeting.concluded_by, concluded_at=meeting.concluded_at,
            undecided=[
                UndecidedView(
                    entry=HazardView.of(entry, judgement), lacking=names,
                    lacking_text=[label(name, judgement) for name in names],
                )
                for entry, names in open_
            ],
            decided=[HazardView.of(entry, judgement) for entry in made.decided],
            fields=["place", *review.FIELDS],
        )  # fmt: skip


class MinutesBody(BaseModel):
    """What is written of the meeting; `version` is the one this person saw."""

    version: int = Field(ge=0)
    host: str = Field(default="", max_length=4000)
    present: str = Field(default="", max_length=4000)
    minutes: str = Field(default="", max_length=20_000)


class ConcludeBody(BaseModel):
    """The version of the minutes this person saw."""

    version: int = Field(ge=0)


@router.get("", responses=declared(401, 403, 422))
def now(session: Reader, services: Parts, site: Site = "") -> ReviewView:
    """Show the current week."""
    today = services.now().astimezone(services.plan.zone).date()
    return _shown(services, _week(session, site, review.week_of("", today).key))


@router.get("/{week}", responses=declared(401, 403, 422))
def show(week: WeekKey, session: Reader, services: Parts, site: Site = "") -> ReviewView:
    """Show a week: hazards without a decision, those decided in it, and the minutes."""
    return _shown(services, _week(session, site, week))


@router.post("/{week}/entries/{hazard}", responses=declared(401, 403, 404, 409, 422, 503))
def decide(
    week: WeekKey, hazard: Annotated[int, Path(ge=1, lt=2**63)], body: Step, session: Holder, services: Parts,
    site: Site = "",
) -> ReviewView:  # fmt: skip
    """Judge one hazard in place, all of 三分 and 三明确 at once; one that was only found is registered with it."""
    one = _week(session, site, week)
    fields = body.model_dump(exclude_unset=True, exclude={"version", "into"})

    def work(connection: Connection) -> Entry:
        note(connection, services.now(), session.user, "hazard judge", str(hazard), text=one.key)
        return review.decide(connection, services.ledger, (hazard, body.version), fields, actor_of(session))

    return _done(services, one, work)


@router.put("/{week}", responses=declared(401, 403, 409, 422, 503))
def keep(week: WeekKey, body: MinutesBody, session: Holder, services: Parts, site: Site = "") -> ReviewView:
    """Keep host, presence and minutes."""
    one, at = _week(session, site, week), services.now()

    def work(connection: Connection) -> Meeting:
        note(connection, at, session.user, "week minutes", f"{one.site} {one.key}")
        return review.keep(connection, one, body.model_dump(exclude={"version"}), body.version, session.user, at)

    return _done(services, one, work)


@router.post("/{week}/conclude", responses=declared(401, 403, 409, 422, 503))
def conclude(week: WeekKey, body: ConcludeBody, session: Holder, services: Parts, site: Site = "") -> ReviewView:
    """End the week's 周研判, once nothing is undecided and the minutes are written; it ticks the duty."""
    one = _week(session, site, week)

    def work(connection: Connection) -> Meeting:
        note(connection, services.now(), session.user, "week concluded", f"{one.site} {one.key}")
        duties = services.plan.duties
        return review.conclude(connection, services.ledger, duties, one, body.version, actor_of(session))

    return _done(services, one, work)


def _week(session: Session, site: str, key: str) -> Week:
    school = school_of(session, site)
    if school in session.reach.grids:
        raise Problem(403, "Not allowed", f"{school}：周研判要看全校，您只看其中的网格")
    try:
        return Week(school, date.fromisocalendar(int(key[:4]), int(key[6:]), 1))
    except ValueError as e:
        raise Problem(422, "Not understood", f"{key}：没有这一周，应写成 2026-W19") from e


def _shown(services: Services, week: Week) -> ReviewView:
    with services.database.read.connect() as connection:
        return ReviewView.of(review.review(connection, services.ledger.judgement, week), services)


def _done(services: Services, week: Week, work: Callable[[Connection], Entry | Meeting]) -> ReviewView:
    with refusals():
        services.writer.write(work)
    return _shown(services, week)
