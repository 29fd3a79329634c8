"""The room of the duties: what is due today for the person who looks."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from server.pages.rooms import Pages


def router(pages: Pages) -> APIRouter:
    """Return the routes of the duties' room."""
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    @routes.get("/duties")
    async def duties(request: Request) -> Response:
        return pages.open(request, "duties")

    _ = duties
    return routes
