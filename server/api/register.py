"""The register as an Excel file: out with what was asked for, in with every row judged first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection

from server.accounts.audit import note
from server.accounts.sessions import Session
from server.accounts.web import Parts, require
from server.api.hazard_lists import Filter
from server.api.places import actor_of, school_of
from server.api.problems import Problem, declared
from server.api.refusals import refusals
from server.api.uploads import JUDGED_HERE, XLSX, body_of
from server.ledger import query
from server.ledger.entry import Entry
from server.services import Services

router = APIRouter(prefix="/api/v1/hazards", tags=["hazards"])
Exporter = Annotated[Session, Depends(require("hazards.export"))]
Importer = Annotated[Session, Depends(require("hazards.import"))]
Result = TypeVar("Result")
MOST_EXPORTED = 20_000
"""Entries in one file: writing so many takes 17 s of the interpreter that alarms go through (2-core x86 VM)."""


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
            if len(entries) >= MOST_EXPORTED:
                raise Problem(422, "Not understood", f"超过 {MOST_EXPORTED} 条，请按学校或状态筛选后分几次导出")
            after = page.next
    services.writer.write(lambda c: note(c, services.now(), session.user, "hazards export", f"{len(entries)} entries"))
    headers = {"Content-Disposition": 'attachment; filename="register.xlsx"'}
    return Response(excel.register(entries, services.ledger.judgement), media_type=XLSX, headers=headers)


@router.post("/import", max_body_size=JUDGED_HERE, responses=declared(401, 403, 409, 413, 422, 503))
async def take_in(
    request: Request,
    session: Importer,
    services: Parts,
    site: Annotated[str, Query(max_length=40)] = "",
) -> dict[str, int]:
    """Take in an Excel file, sent as the body: every row is judged first, and a mistake in one keeps all out.

    They are written a few at a time, so that alarms come between. One that is there already stays as it is: a file
    may be sent again.
    """
    from server.ledger import excel, sheets  # noqa: PLC0415 - slow to load, and rarely wanted

    school, ledger, actor = school_of(session, site), services.ledger, actor_of(session)
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


async def _write(services: Services, work: Callable[[Connection], Result]) -> Result:
    return await asyncio.wrap_future(services.writer.submit(work))
