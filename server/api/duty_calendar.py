"""The school calendar: what stands for a year, out as Excel, in again; a school's own or that of all."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel
from sqlalchemy import Connection

from server.accounts.audit import note
from server.accounts.permissions import Role
from server.accounts.sessions import Session
from server.accounts.web import Parts, require
from server.api.places import school_or_all
from server.api.problems import Problem, declared
from server.api.refusals import refusals
from server.api.uploads import JUDGED_HERE, XLSX, body_of
from server.duties.own_calendar import COLUMNS, KINDS, Line, all_own, lines_of, parsed, put
from server.services import Services

router = APIRouter(prefix="/api/v1/duties/calendar", tags=["duties"])
Reader = Annotated[Session, Depends(require("duties.read"))]
Year = Annotated[int, Query(ge=2000, le=2200)]
MOST_BYTES = 1_000_000


class LineView(BaseModel):
    """Some days of one kind."""

    kind: str
    kind_text: str
    name: str
    first: date
    last: date


class Taken(BaseModel):
    """What an import did."""

    year: int
    site: str
    lines: int


@router.get("", responses=declared(401, 403, 422))
def show(
    session: Reader, services: Parts, year: Year, site: Annotated[str, Query(max_length=40)] = ""
) -> list[LineView]:
    """Show a year: terms, holidays, days worked in exchange, boarding weekends, days let off."""
    lines = _lines(services, session.reach.at(site).only, year)
    return [
        LineView(kind=one.kind, kind_text=KINDS[one.kind], name=one.name, first=one.first, last=one.last)
        for one in lines
    ]


@router.get("/export", responses=declared(401, 403, 422), response_class=Response)
def export(session: Reader, services: Parts, year: Year, site: Annotated[str, Query(max_length=40)] = "") -> Response:
    """Give a year as an Excel file, to change it and send it back."""
    from server.ledger import excel  # noqa: PLC0415 - slow to load, and rarely wanted

    lines = _lines(services, session.reach.at(site).only, year)
    rows = [(KINDS[one.kind], one.name, one.first.isoformat(), one.last.isoformat()) for one in lines]
    headers = {"Content-Disposition": f'attachment; filename="calendar-{year}.xlsx"'}
    return Response(excel.workbook(f"校历 {year}", COLUMNS, rows), media_type=XLSX, headers=headers)


@router.post("/import", max_body_size=JUDGED_HERE, responses=declared(401, 403, 409, 413, 422, 503))
async def take_in(
    request: Request,
    session: Annotated[Session, Depends(require("duties.arrange"))],
    services: Parts,
    year: Year,
    site: Annotated[str, Query(max_length=40)] = "",
) -> Taken:
    """Put an Excel file, sent as the body, in place of a year: all of its rows, or none and a sentence per mistake."""
    from server.ledger import sheets  # noqa: PLC0415 - slow to load, and rarely wanted

    school = school_or_all(session, site)
    if not school and session.role not in {Role.COUNTY, Role.CITY, Role.ADMIN}:
        raise Problem(403, "Not allowed", "全体学校的校历由县级、市级或管理员导入")
    content = await body_of(request, MOST_BYTES)
    wanted = sheets.Wanted({title: title for title in COLUMNS}, COLUMNS[0])
    with refusals():
        lines = parsed(await run_in_threadpool(sheets.read_apart, content, wanted), year)

    def work(connection: Connection) -> None:
        put(connection, school, year, lines)
        note(connection, services.now(), session.user, "duty calendar", f"{school or '*'} {year}")

    await run_in_threadpool(services.writer.write, work)
    return Taken(year=year, site=school, lines=len(lines))


def _lines(services: Services, site: str, year: int) -> list[Line]:
    with services.database.read.connect() as connection:
        own = all_own(connection, services.plan.calendar)
    return lines_of(own.get(site, own[""]), year)
