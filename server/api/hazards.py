"""The hazard ledger: one entry with its story, report one, take the next step, prove the journal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field
from sqlalchemy import Connection, select

from server.accounts.audit import note
from server.accounts.sessions import Session
from server.accounts.web import Parts, require
from server.api.hazard_story import StepView, StoryView, told
from server.api.hazard_views import ClosingView, HazardView, Step
from server.api.places import actor_of, school_of
from server.api.problems import Problem, declared
from server.api.refusals import refusals
from server.ledger import actions, evidence, packs, query, store
from server.ledger.ahead import ahead, coming
from server.ledger.entry import Entry
from server.ledger.tables import hazards as table
from server.ledger.verify import verify as verified
from server.moments import Moment
from server.services import Services

router = APIRouter(prefix="/api/v1/hazards", tags=["hazards"])
Reader = Annotated[Session, Depends(require("hazards.read"))]
Number = Annotated[int, Path(ge=1, lt=2**63)]


class Report(BaseModel):
    """A hazard as a person found it."""

    description: str
    site: str = Field(default="", max_length=40)
    source: str = "report"
    place: str = ""
    grid: str = ""
    category: str = ""
    basis: str = ""
    found_at: Moment | None = None


@router.get("/verify", responses=declared(401, 403))
def verify(session: Annotated[Session, Depends(require("hazards.verify"))], services: Parts) -> ClosingView:
    """Prove the journal of one's schools; name the first row that is not as it was written."""
    with services.database.read.connect() as connection:
        proof = verified(connection, reach=session.reach)
    return ClosingView(whole=proof.broken is None, rows=proof.rows, broken=str(proof.broken or ""))


@router.get("/{hazard}", responses=declared(401, 403, 404))
def one(hazard: Number, session: Reader, services: Parts) -> StoryView:
    """Show one entry, its whole story, and what may be done next."""
    with services.database.read.connect() as connection:
        entry = _own(session, store.get(connection, hazard))
        story = query.story(connection, hazard)
        seen = evidence.alerts_of(connection, hazard)
        cameras = evidence.cameras_near(connection, entry)
        if services.stills.on and session.may("stills.read"):
            shown = evidence.stills_of(connection, [alert["id"] for alert in seen])
            seen = [{**alert, "still": shown.get(alert["id"])} for alert in seen]
    judgement, now = services.ledger.judgement, services.now()
    main = coming(entry, judgement, now)
    steps = ahead(entry, actor_of(session), judgement, now)
    return StoryView(
        **dict(HazardView.of(entry, judgement)),
        story=[told(row, judgement) for row in story],
        next=[StepView.of(step, judgement) for step in steps],
        main=StepView.of(main, judgement) if main else None,
        lacking=list(packs.lacking(entry, judgement)),
        alerts=seen,
        cameras=cameras,
        still_days=services.stills.keep_days,
    )


@router.post("", status_code=201, responses=declared(401, 403, 422, 503))
def report(
    body: Report, session: Annotated[Session, Depends(require("hazards.report"))], services: Parts
) -> HazardView:
    """Report a hazard."""
    finding = actions.Finding(
        school_of(session, body.site),
        body.source,
        body.description,
        body.place,
        body.grid,
        body.category,
        body.basis,
        body.found_at,
    )
    return _done(services, lambda c: actions.report(c, services.ledger, finding, actor_of(session)))


@router.post("/{hazard}/{action}", responses=declared(401, 403, 404, 409, 422, 503))
def step(
    hazard: Number,
    action: str,
    body: Step,
    session: Annotated[Session, Depends(require("hazards.write"))],
    services: Parts,
) -> HazardView:
    """Take one step with an entry; `version` is the one this person saw."""
    fields = body.model_dump(exclude_unset=True, exclude={"version", "into"})

    def work(connection: Connection) -> Entry:
        if body.into is not None:
            same = select(table.c.id).where(table.c.number == body.into)
            fields["merged_into"] = connection.execute(same).scalar() or 0
        note(connection, services.now(), session.user, f"hazard {action}"[:80], str(hazard))
        return actions.act(connection, services.ledger, (hazard, body.version), action, fields, actor_of(session))

    return _done(services, work)


def _done(services: Services, work: Callable[[Connection], Entry]) -> HazardView:
    with refusals():
        return HazardView.of(services.writer.write(work), services.ledger.judgement)


def _own(session: Session, entry: Entry) -> Entry:
    if not actions.sees(actor_of(session), entry):
        raise Problem(404, "Unknown", f"台账中没有第 {entry.id} 号记录")
    return entry
