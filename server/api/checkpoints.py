"""Patrols: checkpoints with their codes, and the visits that phones report."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from server.accounts.audit import note
from server.accounts.sessions import Session
from server.accounts.web import Parts, require
from server.api.places import school_of
from server.api.problems import Problem, declared
from server.duties import patrols
from server.duties.patrols import Checkpoint

router = APIRouter(prefix="/api/v1/duties/checkpoints", tags=["duties"])
Arranger = Annotated[Session, Depends(require("duties.arrange"))]
Token = Annotated[str, Path(max_length=40)]


class CheckpointView(BaseModel):
    """A place that is visited on patrol; `token` is what its code leads to, `/c/TOKEN`."""

    token: str
    site: str
    grid: str
    name: str


class NewCheckpoint(BaseModel):
    """A checkpoint to add."""

    name: str = Field(min_length=1, max_length=80)
    grid: str = Field(default="", max_length=40)
    site: str = Field(default="", max_length=40)


class Visit(BaseModel):
    """A visit; `id` is the phone's own, so that a repetition counts once."""

    id: str = Field(pattern=r"^[A-Za-z0-9-]{8,60}$")


class Visited(BaseModel):
    """What came of it."""

    name: str
    ticked: int


@router.get("", responses=declared(401, 403, 422))
def listed(session: Arranger, services: Parts, site: Annotated[str, Query(max_length=40)] = "") -> list[CheckpointView]:
    """List checkpoints."""
    with services.database.read.connect() as connection:
        found = patrols.listed(connection, session.reach.at(site))
    return [CheckpointView.model_validate(one, from_attributes=True) for one in found]


@router.post("", status_code=201, responses=declared(401, 403, 409, 422, 503))
def add(body: NewCheckpoint, session: Arranger, services: Parts) -> CheckpointView:
    """Add a checkpoint."""
    site = school_of(session, body.site)

    def work(connection: Connection) -> Checkpoint:
        note(connection, services.now(), session.user, "duty checkpoint", f"{site} {body.name}")
        return patrols.add(connection, site, body.grid, body.name, session.user, services.now())

    return CheckpointView.model_validate(services.writer.write(work), from_attributes=True)


@router.delete("/{token}", status_code=204, responses=declared(401, 403, 404, 503))
def remove(token: Token, session: Arranger, services: Parts) -> None:
    """Make a checkpoint's code void."""

    def work(connection: Connection) -> None:
        place = _own(session, patrols.find(connection, token))
        patrols.remove(connection, token)
        note(connection, services.now(), session.user, "duty checkpoint removed", f"{place.site} {place.name}")

    services.writer.write(work)


@router.post("/{token}/visits", responses=declared(401, 403, 404, 422, 503))
def visit(
    token: Token, body: Visit, session: Annotated[Session, Depends(require("duties.write"))], services: Parts
) -> Visited:
    """Report a visit from a checkpoint's page."""

    def work(connection: Connection) -> Visited:
        place = _own(session, patrols.find(connection, token))
        ticked = patrols.visit(connection, services.plan.duties, place, session.user, services.now(), body.id)
        if ticked:
            note(connection, services.now(), session.user, "duty patrol", f"{place.site} {place.name}")
        return Visited(name=place.name, ticked=ticked)

    return services.writer.write(work)


def _own(session: Session, place: Checkpoint) -> Checkpoint:
    if not place.seen_by(session.reach):
        raise Problem(404, "Unknown", "没有这个巡查点：不是您所在的学校")
    return place
