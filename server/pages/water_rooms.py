"""The rooms of the water side: the board, the patrol's page on a phone, the sheet of QR codes."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from config.water import WaterSection
from server.accounts.permissions import may
from server.accounts.sessions import Session
from server.accounts.web import identify
from server.errors import UnknownError
from server.pages.codes import Code, is_local, qr
from server.pages.rooms import Pages
from server.services import Services
from server.water import records


def router(pages: Pages, services: Services) -> APIRouter:
    """Return the routes of all rooms of the water side."""
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    @routes.get("/water")
    async def board(request: Request) -> Response:
        return pages.open(request, "water")

    @routes.get("/water/codes")
    async def codes(request: Request) -> Response:
        session = identify(request)
        allowed = session is not None and may(session.role, "water.codes")
        address = str(request.base_url).rstrip("/")
        found = await asyncio.to_thread(_codes, services, session, address) if session and allowed else []
        local = is_local(request.url.hostname or "")
        return pages.open(request, "water-codes", allowed=allowed, codes=found, address=address, local=local)

    @routes.get("/water/draw")
    async def draw(request: Request) -> Response:
        return pages.open(request, "water-draw")

    @routes.get("/p/{token}")
    async def checkpoint(request: Request, token: str) -> Response:
        session = identify(request)
        found = await asyncio.to_thread(_checkpoint, services, session, token) if session else None
        water, name = found or (None, "")
        return pages.open(request, "water-checkin", water=water, checkpoint=name, token=token)

    _ = (board, codes, draw, checkpoint)
    return routes


def _checkpoint(services: Services, session: Session, token: str) -> tuple[WaterSection, str] | None:
    with services.database.read.connect() as connection:
        try:
            water, checkpoint = records.find(connection, services.waters, token)
        except UnknownError:
            return None
    if not session.reach.sees(water.site):
        return None
    return water, next(c.name for c in water.checkpoint if c.id == checkpoint)


def _codes(services: Services, session: Session, address: str) -> list[Code]:
    waters = {(w.site, w.id): w for w in services.waters.water if session.reach.sees(w.site)}
    with services.database.read.connect() as connection:
        found = records.tokens(connection, list(waters.values()))
    codes: list[Code] = []
    for token, (site, water, checkpoint) in found.items():
        section = waters[site, water]
        name = next((c.name for c in section.checkpoint if c.id == checkpoint), None)
        if name is not None:
            codes.append(Code(section.name, name, qr(f"{address}/p/{token}")))
    return codes
