"""The rooms of accounts: users, the audit, and one's own password and tokens."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from server.accounts.permissions import BY_GRID, KIOSKS, PERMISSIONS, Role
from server.pages.rooms import Pages

_PERSONS = tuple(role.value for role in Role if role not in KIOSKS)


def router(pages: Pages) -> APIRouter:
    """Return the routes of the rooms of accounts."""
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    @routes.get("/people")
    async def people(request: Request) -> Response:
        table = [(name, name in BY_GRID, [role in roles for role in _PERSONS]) for name, roles in PERMISSIONS.items()]
        return pages.open(request, "people", roles=_PERSONS, table=table)

    @routes.get("/audit")
    async def audit(request: Request) -> Response:
        return pages.open(request, "audit")

    @routes.get("/account")
    async def account(request: Request) -> Response:
        return pages.open(request, "account")

    _ = (people, audit, account)
    return routes
