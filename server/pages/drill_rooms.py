"""The rooms of the drills: plan, lead, board, roll call, record."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from server.accounts.permissions import may
from server.accounts.reach import Reach
from server.accounts.web import identify
from server.api.drill_papers import CURVE_WORDS
from server.drills import record as records
from server.drills import store, words
from server.drills.curve import svg
from server.drills.record import FIELDS, Record
from server.drills.view import record
from server.errors import UnknownError
from server.pages.codes import Code, is_local, qr
from server.pages.rooms import Pages
from server.services import Services

WIDE = ("staff_in_place", "equipment", "congestion", "injuries", "summary")
GROUPS = ("guides", "communication", "rescue", "guards", "logistics")


def router(pages: Pages, services: Services) -> APIRouter:
    """Return the routes of all rooms of the drills."""
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    @routes.get("/drills")
    async def drills(request: Request) -> Response:
        return pages.open(request, "drills")

    @routes.get("/rollcall")
    async def rollcall_now(request: Request) -> Response:
        session = identify(request)
        running = await asyncio.to_thread(_running, services, session.reach if session else Reach.of())
        query = f"?{request.url.query}" if request.url.query else ""  # the class, from a printed code
        return RedirectResponse(f"/drills/{running}/rollcall{query}" if running else "/drills", status_code=303)

    @routes.get("/drills/codes")
    async def codes(request: Request) -> Response:
        session = identify(request)
        address = str(request.base_url).rstrip("/")
        found = _codes(services, session.reach, address) if session and may(session.role, "drills.lead") else []
        local = is_local(request.url.hostname or "")
        return pages.open(request, "drill-codes", codes=found, address=address, local=local)

    @routes.get("/drills/{drill}")
    async def lead(request: Request, drill: str) -> Response:
        return pages.open(request, "drill", drill=drill)

    @routes.get("/drills/{drill}/board")
    async def board(request: Request, drill: str) -> Response:
        return pages.open(request, "drill-board", drill=drill)

    @routes.get("/drills/{drill}/rollcall")
    async def rollcall(request: Request, drill: str) -> Response:
        return pages.open(request, "drill-rollcall", drill=drill)

    @routes.get("/drills/{drill}/record")
    async def sheet(request: Request, drill: str) -> Response:
        session = identify(request)
        if session is None:
            return pages.open(request, "drills")
        found = await asyncio.to_thread(_record, services, drill, session.reach)
        return pages.open(request, "drill-record", drill=drill, **_values(found))

    _ = (drills, rollcall_now, codes, lead, board, rollcall, sheet)
    return routes


def _codes(services: Services, reach: Reach, address: str) -> list[Code]:
    """One code a class; it leads to the drill that runs when it is scanned."""
    schools = services.drills.schools.values() if services.drills else ()
    return [
        Code(one.name, school.name, qr(f"{address}/rollcall?{urlencode({'class': one.id})}"))
        for school in schools
        if reach.sees(school.site)
        for one in school.classes
    ]


def _running(services: Services, reach: Reach) -> str | None:
    with services.database.read.connect() as connection:
        now_s = time.time()
        found = (d for d in store.open_drills(connection, now_s) if d.phase in store.RUNNING)
        return next((d.id for d in found if reach.sees(d.site)), None)


def _record(services: Services, drill: str, reach: Reach) -> Record:
    if services.drills is None:
        raise UnknownError("drills are not set up on this server")
    with services.database.read.connect() as connection:
        found = store.get(connection, drill)
        if not reach.sees(found.site):
            raise UnknownError(f"没有编号为 {drill} 的演练")
        seen = services.drills.compute(connection, found, time.time())
        return record(connection, found, seen, services.drills.schools.get(found.site))


def _values(found: Record) -> dict[str, Any]:
    """What the template of the record shows."""
    result = found.result
    rows = [(label, text) for label, text in records.rows(found) if label != "正式用时"]
    short = [row for row in rows if len(row[1]) <= 16]  # two a line where both fit half a page
    long = [row for row in rows if len(row[1]) > 16]
    written = {key: str(found.drill.record.get(key, "") or "") for key in FIELDS}
    wide = [*long, *((FIELDS[key], written[key]) for key in (*GROUPS, *WIDE))]
    return {
        "school": found.school,
        "made_up": found.drill.simulated,
        "good": records.good(result),
        "verdict": words.verdict_line(result),
        "pairs": [(short[i], short[i + 1] if i + 1 < len(short) else None) for i in range(0, len(short), 2)],
        "wide": wide,
        "fields": FIELDS,
        "written": written,
        "curve": svg(result, CURVE_WORDS["zh-CN"]),
        "tables": [
            ("各学段", records.stages(found)),
            ("各出口", records.exits(found)),
            ("各班级", records.classes(found)),
            ("与前几次对比", records.comparison(found)),
            ("问题（均入隐患台账）", records.problems(found)),
        ],
        "revision": max(found.revision, 1),
        "trust": words.TRUSTS[result.official.trust] if result.official else "—",
    }
