"""What a school puts on its gate wall: what to do, who is on duty now, the plans with their points."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from server.accounts.sessions import Session
from server.accounts.web import Parts, require
from server.api.places import school_or_all
from server.api.problems import declared
from server.api.uploads import JUDGED_HERE, body_of
from server.moments import Moment
from server.push import health as push_health
from server.wall import advice, plans, roster
from server.wall.clock import school_time
from server.wall.pictures import MOST_BYTES

router = APIRouter(prefix="/api/v1/wall", tags=["wall"])

Reader = Annotated[Session, Depends(require("wall.read"))]
Writer = Annotated[Session, Depends(require("wall.write"))]
Site = Annotated[str, Query(max_length=40, description="for an account that sees several schools")]
PlanId = Annotated[str, Path(max_length=40)]
Language = Literal["zh-CN", "en"]


class ShiftView(BaseModel):
    """One person at one post on some days of the week; Monday is 1. `ends` before `begins` is on the next day."""

    model_config = ConfigDict(from_attributes=True)

    post: str = Field(min_length=1, max_length=40)
    name: str = Field(min_length=1, max_length=40)
    phone: str = Field(default="", max_length=30, pattern=r"^[0-9+\- ]*$")
    days: str = Field(pattern=r"^[1-7]{1,7}$")
    begins: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    ends: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")


class SpotView(BaseModel):
    """Where a point is, in shares of the plan's width and height."""

    model_config = ConfigDict(from_attributes=True)

    site: str = Field(max_length=40)
    agent: str = Field(max_length=40)
    point: str = Field(max_length=40)
    x: float = Field(ge=0, le=1)
    y: float = Field(ge=0, le=1)


class PlanView(BaseModel):
    """One plan; its picture is at `/api/v1/wall/plans/{id}/picture`."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    width: int = Field(description="pixels")
    height: int = Field(description="pixels")
    points: list[SpotView]


class PushView(BaseModel):
    """How it stands with one target that is told beside the wall."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    failing_since: Moment | None
    reason: str = Field(description="why the last message did not go out")
    dropped: int = Field(description="messages that grew too old while they could not be sent")
    sent_at: Moment | None


class WallView(BaseModel):
    """All of it, for one language. `advice` holds only the school's own texts, by kind of hazard."""

    advice: Mapping[str, str]
    on_duty: list[ShiftView]
    roster_set: bool = Field(description="whether anybody has written a roster")
    plans: list[PlanView]
    push: list[PushView] = []


class Advice(BaseModel):
    """A text of several lines; empty gives the shipped one back."""

    language: Language
    text: str = Field(max_length=advice.LONGEST)


@router.get("", responses=declared(401, 403, 422))
def show(session: Reader, services: Parts, lang: Language = "zh-CN", site: Site = "") -> WallView:
    """Give what the wall shows beside the alerts."""
    with services.database.read.connect() as connection:
        reach = session.reach.at(site)
        shifts = roster.read(connection, reach.only)
        return WallView(
            advice=advice.own(connection, reach.only, lang),
            on_duty=[
                ShiftView.model_validate(shift)
                for shift in roster.on_duty(shifts, school_time(services, services.now()))
            ],
            roster_set=bool(shifts),
            plans=[PlanView.model_validate(plan, from_attributes=True) for plan in plans.listed(connection, reach)],
            push=[PushView.model_validate(state) for state in push_health.states(connection, services.push, reach)],
        )


@router.put("/advice/{kind}", status_code=204, responses=declared(401, 403, 404, 422, 503))
def write_advice(
    kind: Annotated[str, Path(max_length=40)], body: Advice, session: Writer, services: Parts, site: Site = ""
) -> None:
    """Write what to do when a kind of hazard comes; the first line stands on the card."""
    now, school = services.now(), school_or_all(session, site)
    services.writer.write(lambda c: advice.write(c, school, kind, body.language, body.text, session.user, now))


@router.get("/roster", responses=declared(401, 403))
def show_roster(session: Writer, services: Parts, site: Site = "") -> list[ShiftView]:
    """Show the whole week."""
    school = school_or_all(session, site)
    with services.database.read.connect() as connection:
        return [ShiftView.model_validate(shift) for shift in roster.read(connection, school)]


@router.put("/roster", status_code=204, responses=declared(401, 403, 422, 503))
def write_roster(
    body: Annotated[list[ShiftView], Field(max_length=roster.MOST)], session: Writer, services: Parts, site: Site = ""
) -> None:
    """Replace the whole week."""
    now, school = services.now(), school_or_all(session, site)
    shifts = [roster.Shift(**shift.model_dump()) for shift in body]
    services.writer.write(lambda c: roster.write(c, school, shifts, session.user, now))


@router.post("/plans", status_code=201, max_body_size=JUDGED_HERE, responses=declared(401, 403, 409, 413, 422, 503))
async def add_plan(
    request: Request,
    session: Writer,
    services: Parts,
    name: Annotated[str, Query(min_length=1, max_length=80)],
    site: Site = "",
) -> Mapping[str, str]:
    """Keep a plan: the body is the picture itself, a PNG or a JPEG."""
    school = school_or_all(session, site)
    content = await body_of(request, MOST_BYTES)
    now = services.now()
    plan = await asyncio.wrap_future(
        services.writer.submit(lambda c: plans.add(c, school, name.strip(), content, session.user, now))
    )
    return {"id": plan}


@router.get("/plans/{plan}/picture", response_class=Response, responses=declared(401, 403, 404))
def picture(plan: PlanId, session: Reader, services: Parts) -> Response:
    """Give a plan's picture."""
    with services.database.read.connect() as connection:
        kind, data = plans.image(connection, plan, session.reach)
    return Response(data, media_type=kind, headers={"Cache-Control": "private, max-age=86400, immutable"})


@router.put("/plans/{plan}/points", status_code=204, responses=declared(401, 403, 404, 422, 503))
def place(
    plan: PlanId, body: Annotated[list[SpotView], Field(max_length=2000)], session: Writer, services: Parts
) -> None:
    """Replace where the points of a plan are."""
    now = services.now()
    spots = [plans.Spot(**spot.model_dump()) for spot in body]
    services.writer.write(lambda c: plans.place(c, plan, session.reach, spots, session.user, now))


@router.delete("/plans/{plan}", status_code=204, responses=declared(401, 403, 404, 503))
def remove(plan: PlanId, session: Writer, services: Parts) -> None:
    """Take a plan away."""
    now = services.now()
    services.writer.write(lambda c: plans.remove(c, plan, session.reach, session.user, now))
