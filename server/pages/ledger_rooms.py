"""The rooms of the hazard ledger: the table, one entry, reporting, and the papers to print."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta, timezone
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from server.accounts.web import identify
from server.errors import UnknownError
from server.ledger import papers, store
from server.ledger.packs import month, week
from server.ledger.query import story
from server.pages.rooms import Pages
from server.services import Services


def router(pages: Pages, services: Services) -> APIRouter:
    """Return the routes of the ledger's rooms."""
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    @routes.get("/hazards")
    async def hazards(request: Request) -> Response:
        return pages.open(request, "hazards")

    @routes.get("/hazards/report")
    async def report(request: Request) -> Response:
        session = await asyncio.to_thread(identify, request)
        return pages.open(request, "hazard-report", site=session.site if session else "")

    @routes.get("/hazards/packs/{kind}")
    async def pack(request: Request, kind: Literal["week", "month"], day: date | None = None) -> Response:
        session = await asyncio.to_thread(identify, request)
        if session is None:
            return pages.open(request, "hazards")
        values = await asyncio.to_thread(_pack, services, session.site, kind, day)
        return pages.open(request, "hazard-paper", **values)

    @routes.get("/hazards/{hazard}")
    async def entry(request: Request, hazard: int) -> Response:
        return pages.open(request, "hazard", hazard=hazard)

    @routes.get("/hazards/{hazard}/{paper}")
    async def sheet(request: Request, hazard: int, paper: Literal["record", "notice", "opinion"]) -> Response:
        session = await asyncio.to_thread(identify, request)
        if session is None:
            return pages.open(request, "hazard", hazard=hazard)
        values = await asyncio.to_thread(_sheet, services, session.site, hazard, paper)
        return pages.open(request, "hazard-paper", **values)

    _ = (hazards, report, pack, entry, sheet)
    return routes


def _sheet(services: Services, site: str, hazard: int, paper: str) -> dict[str, Any]:
    with services.database.read.connect() as connection:
        entry = store.get(connection, hazard)
        if site and entry.site != site:
            raise UnknownError(f"台账中没有第 {hazard} 号记录")
        told = story(connection, hazard) if paper == "record" else []
        school = papers.school_name(connection, entry.site)
    made = papers.sheet(paper, entry, services.ledger.judgement, told, services.now())
    return {**made, "school": school, "back": f"/hazards/{hazard}", "simulated_entry": entry.simulated}


def _pack(services: Services, site: str, kind: str, day: date | None) -> dict[str, Any]:
    now, judgement = services.now(), services.ledger.judgement
    today = now.astimezone(timezone(timedelta(hours=judgement.timers.utc_offset_hours))).date()
    make = week if kind == "week" else month
    with services.database.read.connect() as connection:
        made = make(connection, judgement, (site,) if site else None, day or today, now)
        school = papers.school_name(connection, site) if site else judgement.name
    return {**papers.pack(made, judgement, now), "school": school, "back": "/hazards", "simulated_entry": False}
