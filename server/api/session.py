"""Logging in and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from server.accounts import sessions, users
from server.accounts.audit import note
from server.accounts.sessions import IDLE, Session, csrf_of
from server.accounts.web import Parts, check_token, identify, require
from server.api.problems import Problem, declared

router = APIRouter(prefix="/api/v1", tags=["session"])


class Login(BaseModel):
    """A name and its password."""

    name: str = Field(max_length=80)
    password: str = Field(max_length=200)


class SessionView(BaseModel):
    """Who is logged in. `csrf` goes into the header X-CSRF-Token of every write."""

    name: str
    role: str
    site: str = Field(description="the only school that is seen; empty where there are several: see `reach`")
    csrf: str
    reach: list[str] = Field(default=[], description="`*`, or SITE and SITE/GRID")


@router.post("/session", responses=declared(401, 422, 429, 503))
def log_in(login: Login, request: Request, response: Response, services: Parts) -> SessionView:
    """Open a session: five tries a minute an account and an address, and fewer where a name is tried from many."""
    address = request.client.host if request.client else ""
    keys = (f"{address} {login.name}", address)
    now = services.now()
    wait_s = services.throttle.try_(services.mono_s(), *keys)
    if not wait_s and (wait_s := services.names.try_(services.mono_s(), login.name)):
        # Whoever guesses from everywhere must not shut out the gatekeeper at his own desk.
        with services.database.read.connect() as connection:
            wait_s = 0.0 if users.has_come_from(connection, login.name, address, now) else wait_s
    if wait_s:
        seconds = int(wait_s) + 1
        raise Problem(429, "Too many tries", f"try again in {seconds} s", {"Retry-After": str(seconds)})
    with services.throttle.turn() as mine:
        if not mine:
            raise Problem(429, "Too many tries", "too many log in at once: try again", {"Retry-After": "5"})
        with services.database.read.connect() as connection:
            user = users.check(connection, login.name, login.password)
    if user is None:
        services.writer.submit(lambda c: note(c, now, login.name, "login refused", address=address))
        raise Problem(401, "Not logged in", "name and password do not fit")
    services.throttle.forget(*keys)
    services.names.forget(login.name)
    before = sessions.hashed(request.cookies.get(services.cookie, ""))

    def work(connection: Connection) -> str:
        sessions.end_old(connection, services.steady())
        sessions.end(connection, before)  # a browser has one session: whoever saw the last one's cookie is out
        note(connection, now, login.name, "login", address=address)
        return sessions.open_session(connection, user, services.steady())

    token = services.writer.write(work)
    services.live.drop_later(before)
    with services.database.read.connect() as connection:
        session = sessions.find(connection, token, services.steady())
    if session is None:
        raise Problem(401, "Not logged in", "the user was disabled this moment")
    response.set_cookie(
        services.cookie,
        token,
        max_age=int(IDLE.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=services.tls,
    )
    return SessionView(
        name=session.user, role=session.role, site=session.reach.only, csrf=csrf_of(token), reach=session.reach.words()
    )


@router.get("/session", responses=declared(401, 403))
def show(session: Annotated[Session, Depends(require("pages.read"))]) -> SessionView:
    """Say who is logged in."""
    return SessionView(
        name=session.user, role=session.role, site=session.reach.only, csrf=session.csrf, reach=session.reach.words()
    )


@router.delete("/session", status_code=204, responses=declared(401, 403))
@router.post("/logout", status_code=204, responses=declared(401, 403))
def log_out(request: Request, response: Response, services: Parts) -> None:
    """End the session and its streams."""
    session = identify(request)
    if session is None:
        raise Problem(401, "Not logged in", "there is no session to end")
    check_token(request, session)
    now = services.now()

    def work(connection: Connection) -> None:
        sessions.end(connection, session.hash)
        note(connection, now, session.user, "logout")

    services.writer.write(work)
    services.live.drop_later(session.hash)
    response.delete_cookie(services.cookie, secure=services.tls, httponly=True, samesite="strict")
