"""What is said in a drill: its signals, its end, the roll, problems and the record."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import Connection

from server.accounts.audit import note
from server.accounts.sessions import Session
from server.accounts.web import Parts
from server.api.drill_access import Caller, Leader, conductor_of, own, view_of
from server.api.drill_bodies import EndBody, ProblemBody, RollBody, Rolled, SignalBody, Text, rolled
from server.api.problems import Problem, declared
from server.drills import outcome, store
from server.drills.clocks import Moment, Trust
from server.drills.conductor import Flaw
from server.drills.inputs import Act, Ended, Signal, Start, Voided
from server.drills.record import FIELDS
from server.drills.view import DrillView
from server.duties.records import take_back
from server.services import Services

router = APIRouter(prefix="/api/v1/drills", tags=["drills"])


@router.post("/{drill_id}/signal", responses=declared(401, 403, 404, 409, 422, 503))
def signal(drill_id: str, body: SignalBody, session: Leader, services: Parts) -> DrillView:
    """Give a signal now; `evacuate` starts the official clock."""
    now_s = time.time()
    moment = Moment(now_s, 0.0, Trust.MEASURED)
    _say(services, session, drill_id, "signal", Start(body.id, Signal(body.signal), moment, session.user))
    return view_of(services, session, drill_id)


@router.post("/{drill_id}/end", responses=declared(401, 403, 404, 422, 503))
def end(drill_id: str, body: EndBody, session: Leader, services: Parts) -> DrillView:
    """End a drill by hand; a drill that ended by itself is not changed."""
    act = Ended(body.id, Moment(time.time(), 0.0, Trust.MEASURED), session.user)
    _say(services, session, drill_id, "end", act)
    return view_of(services, session, drill_id)


@router.post("/{drill_id}/void", responses=declared(401, 403, 404, 422, 503))
def void(drill_id: str, body: EndBody, session: Leader, services: Parts) -> DrillView:
    """Declare that a drill does not count."""
    act = Voided(body.id, Moment(time.time(), 0.0, Trust.MEASURED), session.user, body.reason)
    _say(services, session, drill_id, "void", act)
    services.writer.write(lambda c: take_back(c, "drill", drill_id))  # also of a drill that is no longer followed
    return view_of(services, session, drill_id)


@router.post("/{drill_id}/roll", responses=declared(401, 403, 404, 422, 503))
def roll(
    drill_id: str, body: Annotated[list[RollBody], Field(max_length=100)], session: Caller, services: Parts
) -> Rolled:
    """Take the words of one or more classes; a phone sends again what it is not sure of."""
    now = services.now()
    acts = [rolled(one, now.timestamp(), session.user) for one in body]

    def work(connection: Connection) -> None:
        found = own(session, store.get(connection, drill_id))
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
    conductor, now = conductor_of(services), services.now()

    def work(connection: Connection) -> None:
        found = own(session, store.get(connection, drill_id))
        if any(p.id == body.id for p in outcome.problems(connection, found.id)):
            return
        cause = f"drill/{found.id}/{body.id}"[:160]
        hazard = conductor.open_hazard(connection, Flaw(found.site, cause, body.text, body.place, session.user, now))
        kept = outcome.Problem(body.id, now, session.user, body.text, body.place, hazard)
        outcome.add_problem(connection, found, kept, now)

    services.writer.write(work)
    return view_of(services, session, drill_id)


@router.put("/{drill_id}/record", responses=declared(401, 403, 404, 422, 503))
def write_record(drill_id: str, body: dict[str, Text], session: Leader, services: Parts) -> DrillView:
    """Keep what was filled in on the record."""
    unknown = sorted(set(body) - set(FIELDS))
    if unknown:
        raise Problem(422, "Not understood", f"{', '.join(unknown)}: not a field of the record")
    now = services.now()

    def work(connection: Connection) -> None:
        found = own(session, store.get(connection, drill_id))
        store.save_record(connection, found, body, now)
        note(connection, now, session.user, "drill record", found.id, text=", ".join(sorted(body)))

    services.writer.write(work)
    return view_of(services, session, drill_id)


def _say(services: Services, session: Session, drill_id: str, what: str, act: Act) -> None:
    now = services.now()

    def work(connection: Connection) -> None:
        found = own(session, store.get(connection, drill_id))
        if store.say(connection, found, act, session.user, now):
            note(connection, now, session.user, f"drill {what}", drill_id)

    services.writer.write(work)
