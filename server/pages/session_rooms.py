"""The pages on a running server: who is looking is its session."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request

from server.accounts.permissions import KIOSKS, PERMISSIONS, may
from server.accounts.web import identify
from server.pages import drill_rooms, duty_rooms, ledger_rooms, people_rooms, point_rooms, water_rooms
from server.pages.rooms import Pages, Visitor, router
from server.services import Services


def rooms(services: Services) -> Sequence[APIRouter]:
    """Return the pages' routes for `serve`."""

    def visitor(request: Request) -> Visitor | None:
        session = identify(request)
        if session is None:
            return None
        allowed = frozenset(permission for permission in PERMISSIONS if may(session.role, permission))
        return Visitor(session.user, session.csrf, allowed, session.role in KIOSKS)

    pages = Pages(visitor, simulated=services.simulated)
    return (
        router(pages),
        point_rooms.router(pages, services),
        drill_rooms.router(pages, services),
        duty_rooms.router(pages, services),
        ledger_rooms.router(pages, services),
        people_rooms.router(pages),
        water_rooms.router(pages, services),
    )
