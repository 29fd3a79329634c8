"""The hazard ledger: find entries, report one, take the next step, carry the register in and out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field
from sqlalchemy import Connection, select

from server.accounts.audit import note
from server.accounts.looking import viewed
from server.accounts.reach import EVERY
from server.accounts.sessions import Session
from server.accounts.tables import user_reach, users
from server.accounts.web import Parts, require
from server.api.hazard_views import (
    ClosingView,
    HazardView,
    ListView,
    PackView,
    Step,
    StepView,
    StoryView,
    WordsView,
    told,
)
from server.api.places import school_of
from server.api.problems import Problem, declared
from server.api.refusals import refusals
from server.api.uploads import JUDGED_HERE, XLSX, body_of
from server.duties.tasks import known_sites, school_names
from server.ledger import actions, evidence, packs, query, store
from server.ledger.ahead import ahead, coming
from server.ledger.entry import Entry
from server.ledger.guards import Actor
from server.ledger.tables import hazards as table
from server.ledger.verify import verify as verified
from server.moments import Day, Moment
from server.services import Services

router = APIRouter(prefix="/api/v1/hazards", tags=["hazards"])
Reader = Annotated[Session, Depends(require("hazards.read"))]
Exporter = Annotated[Session, Depends(require("hazards.export"))]
Number = Annotated[int, Path(ge=1, lt=2**63)]
Result = TypeVar("Result")


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


def wanted(  # noqa: PLR0917 - one argument a filter
    session: Reader,
    services: Parts,
    site: Annotated[str, Query(max_length=40)] = "",
    state: Annotated[list[str] | None, Query()] = None,
    category: Annotated[list[str] | None, Query()] = None,
    grade: Annotated[list[str] | None, Query()] = None,
    source: Annotated[list[str] | None, Query()] = None,
    register: Annotated[int | None, Query(ge=2000, le=2200)] = None,
    view: Annotated[Literal["", "mine", "overdue", "major", "unjudged"], Query(description="a saved view")] = "",
    open_: Annotated[bool | None, Query(alias="open")] = None,
    point: Annotated[str, Query(max_length=40)] = "",
    grid: Annotated[str, Query(max_length=200)] = "",
    q: Annotated[str, Query(max_length=100)] = "",
) -> query.Wanted:
    """Gather the filters; nobody sees more than his reach."""
    majors = tuple(g.id for g in services.ledger.judgement.grades if g.major)
    return query.Wanted(
        reach=session.reach.at(site),
        person=session.user,
        grid=grid,
        states=("found", "registered") if view == "unjudged" else tuple(state or ()),
        categories=tuple(category or ()),
        grades=majors if view == "major" else tuple(grade or ()),
        sources=tuple(source or ()),
        register=register,
        responsible=session.user if view == "mine" else "",
        point=point,
        open=True if view in {"mine", "major"} else open_,
        overdue_at=services.now() if view == "overdue" else None,
        text=q.strip().replace("\0", ""),
    )


Filter = Annotated[query.Wanted, Depends(wanted)]


@router.get("", responses=declared(401, 403, 422))
def listed(
    _session: Reader,
    services: Parts,
    chosen: Filter,
    sort: query.Sort = "-found_at",
    after: Annotated[str, Query(max_length=200, description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=query.MOST)] = 50,
) -> ListView:
    """List entries a page at a time."""
    with refusals(), services.database.read.connect() as connection:
        page = query.page(connection, chosen, sort, after, limit)
    views = [HazardView.of(entry, services.ledger.judgement) for entry in page.entries]
    return ListView(items=views, next=page.next)


@router.get("/counts", responses=declared(401, 403, 422))
def counts(_session: Reader, services: Parts, chosen: Filter) -> dict[str, int]:
    """Count entries by state."""
    with services.database.read.connect() as connection:
        return query.counts(connection, chosen)


@router.get("/precision", responses=declared(401, 403))
def precision(session: Reader, services: Parts) -> list[dict[str, Any]]:
    """Show per sensor how many of its settled entries were real."""
    with services.database.read.connect() as connection:
        return query.precision(connection, session.reach)


@router.get("/export", responses=declared(401, 403, 422), response_class=Response)
def export(session: Exporter, services: Parts, chosen: Filter) -> Response:
    """Give the register as an Excel file; this is written into the audit."""
    from server.ledger import excel  # noqa: PLC0415 - slow to load, and rarely wanted

    entries: list[Entry] = []
    with services.database.read.connect() as connection:
        after = ""
        while True:
            page = query.page(connection, chosen, "-found_at", after, query.MOST)
            entries += page.entries
            if page.next is None:
                break
            after = page.next
    services.writer.write(lambda c: note(c, services.now(), session.user, "hazards export", f"{len(entries)} entries"))
    headers = {"Content-Disposition": 'attachment; filename="register.xlsx"'}
    return Response(excel.register(entries, services.ledger.judgement), media_type=XLSX, headers=headers)


@router.post("/import", max_body_size=JUDGED_HERE, responses=declared(401, 403, 409, 413, 422, 503))
async def take_in(
    request: Request,
    session: Annotated[Session, Depends(require("hazards.import"))],
    services: Parts,
    site: Annotated[str, Query(max_length=40)] = "",
) -> dict[str, int]:
    """Take in an Excel file, sent as the body: every row is judged first, and a mistake in one keeps all out.

    They are written a few at a time, so that alarms come between. One that is there already stays as it is: a file
    may be sent again.
    """
    from server.ledger import excel, sheets  # noqa: PLC0415 - slow to load, and rarely wanted

    school, ledger, actor = school_of(session, site), services.ledger, _actor(session)
    content = await body_of(request, sheets.MOST_BYTES)
    done = {"opened": 0, "known": 0}
    with refusals():
        rows = await run_in_threadpool(sheets.read_apart, content, excel.REGISTER)
        found = await run_in_threadpool(excel.findings, rows, ledger, school, actor)
        await _write(services, lambda c: note(c, services.now(), session.user, "hazards import", school))
        for first in range(0, len(found), excel.PART):
            part = found[first : first + excel.PART]
            taken = await _write(services, lambda c, part=part: excel.take_in(c, ledger, part, actor))
            done = {"opened": done["opened"] + taken.opened, "known": done["known"] + taken.known}
    return done


@router.get("/packs/{kind}", responses=declared(401, 403, 422))
def pack(
    kind: Literal["week", "month"], session: Reader, services: Parts, day: Day | None = None, site: str = ""
) -> PackView:
    """Give what the 周研判 or the 月调度 has before it."""
    whose, now = query.Wanted(reach=session.reach.at(site), person=session.user), services.now()
    make = packs.week if kind == "week" else packs.month
    with services.database.read.connect() as connection:
        made = make(connection, services.ledger.judgement, whose, day or now.date(), now)
    return PackView.of(made, services.ledger.judgement)


@router.get("/verify", responses=declared(401, 403))
def verify(session: Annotated[Session, Depends(require("hazards.verify"))], services: Parts) -> ClosingView:
    """Prove the journal of one's schools; name the first row that is not as it was written."""
    with services.database.read.connect() as connection:
        proof = verified(connection, reach=session.reach)
    return ClosingView(whole=proof.broken is None, rows=proof.rows, broken=str(proof.broken or ""))


@router.get("/words", responses=declared(401, 403, 422))
def words(session: Reader, services: Parts, site: Annotated[str, Query(max_length=40)] = "") -> WordsView:
    """Give what a form may offer: words of every column; the school's people to those who assign."""
    reach = session.reach.at(site)
    seen = user_reach.c.site.in_([reach.only]) if reach.only else user_reach.c.site == EVERY
    own = select(users.c.name).where(~users.c.disabled, users.c.id.in_(select(user_reach.c.user).where(seen)))
    above = select(user_reach.c.user).where(user_reach.c.site == EVERY)
    others = select(users.c.name).where(~users.c.disabled, users.c.id.in_(above))
    with services.database.read.connect() as connection:
        found = [*connection.execute(own.order_by(users.c.name)).scalars()]
        found += connection.execute(others.order_by(users.c.name)).scalars()
        people = list(dict.fromkeys(found)) if session.may("hazards.assign") else []
        if people:
            viewed(services, session, "people viewed", "of " + (reach.only or "every school"))
        known = known_sites(connection)
        names = school_names(connection, services.plan)
    sites = [{"id": one, "zh": names.get(one, one)} for one in known if reach.sees(one)]
    return WordsView.of(services.ledger.judgement, people, sites)


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
    steps = ahead(entry, _actor(session), judgement, now)
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
    return _done(services, lambda c: actions.report(c, services.ledger, finding, _actor(session)))


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
        return actions.act(connection, services.ledger, (hazard, body.version), action, fields, _actor(session))

    return _done(services, work)


async def _write(services: Services, work: Callable[[Connection], Result]) -> Result:
    return await asyncio.wrap_future(services.writer.submit(work))


def _done(services: Services, work: Callable[[Connection], Entry]) -> HazardView:
    with refusals():
        return HazardView.of(services.writer.write(work), services.ledger.judgement)


def _actor(session: Session) -> Actor:
    return Actor(session.user, session.role, session.reach)


def _own(session: Session, entry: Entry) -> Entry:
    if not actions.sees(_actor(session), entry):
        raise Problem(404, "Unknown", f"台账中没有第 {entry.id} 号记录")
    return entry
