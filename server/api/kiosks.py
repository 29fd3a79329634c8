"""Screens at a post: added and revoked by an administrator, let in once by a code."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from server.accounts import kiosks, sessions
from server.accounts.audit import note
from server.accounts.kiosks import Entered
from server.accounts.sessions import LONGEST_KIOSK, Session
from server.accounts.web import Parts, require
from server.api.problems import Problem, declared
from server.errors import UnknownError
from server.moments import Moment

router = APIRouter(prefix="/api/v1/kiosks", tags=["accounts"])

Admin = Annotated[Session, Depends(require("kiosks.write"))]
Name = Annotated[str, Path(max_length=80)]


class KioskView(BaseModel):
    """One screen."""

    name: str
    role: str = Field(description="kiosk: shows the wall and acknowledges; screen: only shows")
    site: str
    disabled: bool
    created_at: Moment


class NewKiosk(BaseModel):
    """A screen to add."""

    name: str = Field(min_length=1, max_length=80)
    look_only: bool = False
    site: str = Field(default="", max_length=40, description="one school; empty: all its administrator sees")


class CodeView(BaseModel):
    """A code that lets a screen in once, within 24 hours; shown only now."""

    code: str


class Code(BaseModel):
    """The code a screen was given."""

    code: str = Field(max_length=80)


@router.post("/session", status_code=204, responses=declared(401, 422, 429, 503))
def enter(body: Code, request: Request, response: Response, services: Parts) -> None:
    """Log a screen in by its code; the code is spent by that."""
    address = request.client.host if request.client else ""
    wait_s = services.throttle.try_(services.mono_s(), f"kiosk {address}")
    if wait_s:
        seconds = int(wait_s) + 1
        raise Problem(429, "Too many tries", f"try again in {seconds} s", {"Retry-After": str(seconds)})
    now = services.now()
    before = sessions.hashed(request.cookies.get(services.cookie, ""))

    def work(connection: Connection) -> Entered | None:
        entered = kiosks.open_session(connection, body.code, now)
        if entered is not None:
            sessions.end(connection, before)
        who, what = (entered.name, "kiosk login") if entered else ("(a screen)", "kiosk login refused")
        note(connection, now, who, what, address=address)
        return entered

    entered = services.writer.write(work)
    if entered is None:
        raise Problem(401, "Not logged in", "this code is not good, or not any more")
    services.live.drop_later(before)
    services.throttle.forget(f"kiosk {address}")
    response.set_cookie(
        services.cookie,
        entered.cookie,
        max_age=int(LONGEST_KIOSK.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=services.tls,
    )


@router.get("", responses=declared(401, 403))
def listed(session: Admin, services: Parts) -> list[KioskView]:
    """List screens."""
    with services.database.read.connect() as connection:
        return [
            KioskView(
                name=user.name, role=user.role, site=user.reach.only, disabled=user.disabled, created_at=user.created_at
            )
            for user in kiosks.listed(connection)
            if user.reach.within(session.reach)
        ]


@router.post("", status_code=201, responses=declared(401, 403, 409, 422, 503))
def add(body: NewKiosk, session: Admin, services: Parts) -> CodeView:
    """Add a screen; it sees the sites its administrator sees."""
    now = services.now()

    def work(connection: Connection) -> str:
        note(connection, now, session.user, "kiosk add", body.name)
        return kiosks.add(connection, body.name, now, session.reach.at(body.site), look_only=body.look_only)

    return CodeView(code=services.writer.write(work))


@router.post("/{name}/code", responses=declared(401, 403, 404, 409, 503))
def renew(name: Name, session: Admin, services: Parts) -> CodeView:
    """Make another code, e.g. for a replaced device."""
    now = services.now()

    def work(connection: Connection) -> str:
        _own(connection, session, name)
        note(connection, now, session.user, "kiosk code", name)
        return kiosks.renew(connection, name, now)

    return CodeView(code=services.writer.write(work))


@router.delete("/{name}", status_code=204, responses=declared(401, 403, 404, 503))
def revoke(name: Name, session: Admin, services: Parts) -> None:
    """End a screen for good; its page goes to the login within seconds."""
    now = services.now()

    def work(connection: Connection) -> None:
        _own(connection, session, name)
        note(connection, now, session.user, "kiosk revoke", name)
        kiosks.revoke(connection, name)

    services.writer.write(work)


def _own(connection: Connection, session: Session, name: str) -> None:
    if not any(one.name == name and one.reach.within(session.reach) for one in kiosks.listed(connection)):
        raise UnknownError(f"kiosk {name}: there is none with this name")
