"""The papers of the ledger as Excel files: the packs of the meetings, and the record and notices of one entry."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Response

from server.accounts.audit import note
from server.accounts.sessions import Session
from server.accounts.web import Parts, require
from server.api.places import actor_of
from server.api.problems import Problem, declared
from server.api.uploads import XLSX
from server.duties.bearers import school_names
from server.ledger import actions, packs, papers, query, store
from server.moments import Day
from server.services import Services

router = APIRouter(prefix="/api/v1/hazards", tags=["hazards"])
Exporter = Annotated[Session, Depends(require("hazards.export"))]


@router.get("/packs/{kind}/export", responses=declared(401, 403, 422), response_class=Response)
def pack(
    kind: Literal["week", "month"], session: Exporter, services: Parts, day: Day | None = None,
    site: Annotated[str, Query(max_length=40)] = "",
) -> Response:  # fmt: skip
    """Give the papers of the 周研判 or 月调度 as an Excel file, a sheet a table; this is written into the audit."""
    whose = query.Wanted(reach=session.reach.at(site), person=session.user)
    judgement, now = services.ledger.judgement, services.now()
    make = packs.week if kind == "week" else packs.month
    with services.database.read.connect() as connection:
        made = make(connection, judgement, whose, day or now.astimezone(services.plan.zone).date(), now)
        names = None if whose.reach.only else school_names(connection, services.plan)
    return _file(services, session, f"{kind}-{made.first}", papers.pack(made, judgement, now, names))


@router.get("/{hazard}/{paper}/export", responses=declared(401, 403, 404, 422), response_class=Response)
def sheet(
    hazard: Annotated[int, Path(ge=1, lt=2**63)],
    paper: Literal["record", "notice", "opinion"],
    session: Exporter,
    services: Parts,
) -> Response:
    """Give the record, 整改通知书 or 整改意见书 of one entry as an Excel file; this is written into the audit."""
    with services.database.read.connect() as connection:
        entry = store.get(connection, hazard)
        if not actions.sees(actor_of(session), entry):
            raise Problem(404, "Unknown", f"台账中没有第 {hazard} 号记录")
        told = query.story(connection, hazard) if paper == "record" else []
    values = papers.sheet(paper, entry, services.ledger.judgement, told, services.now())
    return _file(services, session, f"{paper}-{entry.number}", values)


def _file(services: Services, session: Session, name: str, values: dict[str, Any]) -> Response:
    from server.ledger import excel  # noqa: PLC0415 - slow to load, and rarely wanted

    content = excel.paper(values)
    services.writer.write(lambda c: note(c, services.now(), session.user, "hazards export", name))
    headers = {"Content-Disposition": f'attachment; filename="{name}.xlsx"'}
    return Response(content, media_type=XLSX, headers=headers)
