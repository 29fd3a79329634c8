"""The rooms of the hazard ledger: the table, one entry, reporting, and the papers to print."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from server.accounts.reach import Reach
from server.accounts.sessions import Session
from server.accounts.web import identify
from server.api.places import actor_of
from server.duties.bearers import school_names
from server.errors import UnknownError
from server.ledger import actions, papers, store
from server.ledger.packs import month, week
from server.ledger.query import Wanted, story
from server.moments import Day
from server.pages.rooms import Pages
from server.services import Services

Site = Annotated[str, Query(max_length=40)]


def router(pages: Pages, services: Services) -> APIRouter:
    """Return the routes of the ledger's rooms."""
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    @routes.get("/hazards")
    async def hazards(request: Request) -> Response:
        return pages.open(request, "hazards")

    @routes.get("/hazards/report")
    async def report(request: Request) -> Response:
        session = await asyncio.to_thread(identify, request)
        return pages.open(request, "hazard-report", site=session.reach.only if session else "")

    @routes.get("/hazards/review")
    async def review(request: Request) -> Response:
        session = await asyncio.to_thread(identify, request)
        return pages.open(request, "hazard-review", site=session.reach.only if session else "")

    @routes.get("/hazards/packs/{kind}")
    async def pack(
        request: Request, kind: Literal["week", "month"], day: Day | None = None, site: Site = ""
    ) -> Response:
        session = await asyncio.to_thread(identify, request)
        if session is None:
            return pages.open(request, "hazards")
        values = await asyncio.to_thread(_pack, services, session.user, session.reach.at(site), kind, day)
        return pages.open(request, "hazard-paper", **values)

    @routes.get("/hazards/{hazard}")
    async def entry(request: Request, hazard: int) -> Response:
        return pages.open(request, "hazard", hazard=hazard)

    @routes.get("/hazards/{hazard}/{paper}")
    async def sheet(request: Request, hazard: int, paper: Literal["record", "notice", "opinion"]) -> Response:
        session = await asyncio.to_thread(identify, request)
        if session is None:
            return pages.open(request, "hazard", hazard=hazard)
        values = await asyncio.to_thread(_sheet, services, session, hazard, paper)
        return pages.open(request, "hazard-paper", **values)

    _ = (hazards, report, review, pack, entry, sheet)
    return routes


def _sheet(services: Services, session: Session, hazard: int, paper: str) -> dict[str, Any]:
    with services.database.read.connect() as connection:
        entry = store.get(connection, hazard)
        if not actions.sees(actor_of(session), entry):
            raise UnknownError(f"台账中没有第 {hazard} 号记录")
        told = story(connection, hazard) if paper == "record" else []
        school = school_names(connection, services.plan).get(entry.site, entry.site)
    made = papers.sheet(paper, entry, services.ledger.judgement, told, services.now())
    return {**made, "school": school, "back": f"/hazards/{hazard}", "simulated_entry": entry.simulated}


def _pack(services: Services, person: str, reach: Reach, kind: str, day: date | None) -> dict[str, Any]:
    now, judgement = services.now(), services.ledger.judgement
    today = now.astimezone(services.plan.zone).date()
    make = week if kind == "week" else month
    with services.database.read.connect() as connection:
        made = make(connection, judgement, Wanted(reach=reach, person=person), day or today, now)
        names = school_names(connection, services.plan)
    school = names.get(reach.only, reach.only) if reach.only else judgement.name
    shown = papers.pack(made, judgement, now, None if reach.only else names)
    return {**shown, "school": school, "back": "/hazards", "simulated_entry": False}
