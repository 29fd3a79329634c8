"""The rooms of the duties: today for me, the month of a school, coverage above, calendar, checkpoints."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from server.accounts.sessions import Session
from server.accounts.web import identify
from server.duties import patrols
from server.duties.patrols import Checkpoint
from server.errors import UnknownError
from server.pages.codes import qr
from server.pages.rooms import Pages
from server.services import Services


def router(pages: Pages, services: Services) -> APIRouter:
    """Return the routes of the duties' rooms."""
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    @routes.get("/duties")
    async def duties(request: Request) -> Response:
        return pages.open(request, "duties")

    @routes.get("/duties/month")
    async def month(request: Request) -> Response:
        return await _of_school(pages, request, "duties-month")

    @routes.get("/duties/coverage")
    async def coverage(request: Request) -> Response:
        return pages.open(request, "duties-coverage")

    @routes.get("/duties/calendar")
    async def calendar(request: Request) -> Response:
        return await _of_school(pages, request, "duties-calendar")

    @routes.get("/duties/checkpoints")
    async def checkpoints(request: Request) -> Response:
        session = await asyncio.to_thread(identify, request)
        allowed = session is not None and session.may("duties.arrange")
        address = str(request.base_url).rstrip("/")
        codes = await asyncio.to_thread(_codes, services, session, address) if session and allowed else []
        return pages.open(request, "duties-checkpoints", codes=codes, site=session.reach.only if session else "")

    @routes.get("/c/{token}")
    async def checkpoint(request: Request, token: str) -> Response:
        session = await asyncio.to_thread(identify, request)
        place = await asyncio.to_thread(_place, services, session, token) if session else None
        return pages.open(request, "checkpoint", place=place)

    _ = (duties, month, coverage, calendar, checkpoints, checkpoint)
    return routes


async def _of_school(pages: Pages, request: Request, room: str) -> Response:
    session = await asyncio.to_thread(identify, request)
    return pages.open(request, room, site=session.reach.only if session else "")


def _place(services: Services, session: Session, token: str) -> Checkpoint | None:
    with services.database.read.connect() as connection:
        try:
            place = patrols.find(connection, token)
        except UnknownError:
            return None
    return place if place.seen_by(session.reach) else None


def _codes(services: Services, session: Session, address: str) -> list[tuple[Checkpoint, str]]:
    with services.database.read.connect() as connection:
        found = patrols.listed(connection, session.reach)
    return [(place, qr(f"{address}/c/{place.token}")) for place in found]
