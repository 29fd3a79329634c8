"""Who is asking: the session or the token of a request, and `require(...)` for every route."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Connection

from server.accounts import sessions, tokens
from server.accounts.permissions import PERMISSIONS
from server.accounts.sessions import Session
from server.api.problems import Problem
from server.services import Services, services_of

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

Parts = Annotated[Services, Depends(services_of)]


def identify(request: Request) -> Session | None:
    """Return the session of a request's cookie, None where there is none that stands."""
    services = services_of(request)
    token = request.cookies.get(services.cookie)
    if not token or len(token) > 200:
        return None
    now = services.steady()
    with services.database.read.connect() as connection:
        session = sessions.find(connection, token, now)
    if session is not None and session.stale:
        hash_ = session.hash

        def touch(connection: Connection) -> None:
            sessions.touch(connection, hash_, now)

        services.writer.submit(touch)  # nobody waits for it
    return session


def by_token(request: Request, text: str) -> Session | None:
    """Return what an API token may do, None where it does not stand."""
    services = services_of(request)
    if not text.startswith(tokens.PREFIX) or len(text) > 200:
        return None
    now = services.steady()
    with services.database.read.connect() as connection:
        session = tokens.find(connection, text, now)
    if session is not None and session.stale:
        hash_ = session.hash

        def touch(connection: Connection) -> None:
            tokens.touch(connection, hash_, now)

        services.writer.submit(touch)
    return session


@dataclass(frozen=True, slots=True)
class Needs:
    """What a route asks of who comes: one permission, and for a write of a session its own token beside the cookie."""

    permission: str
    by_address: bool = False
    """A token for this permission alone may also stand in the address, where a program sends no header."""

    def __call__(self, request: Request) -> Session:
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        bearer = scheme.lower() == "bearer"
        if self.by_address and not bearer and (text := request.query_params.get("token", "")):
            session = by_token(request, text)
            if session is None or session.scope != frozenset({self.permission}):
                raise Problem(401, "Not logged in", f"this address wants a token for {self.permission} alone")
            return session
        session = by_token(request, text.strip()) if bearer else identify(request)
        if session is None:
            how = "this token is not good, or not any more" if bearer else "log in first: POST /api/v1/session"
            raise Problem(401, "Not logged in", how)
        if not session.may(self.permission):
            who = f"the role {session.role}" if session.scope is None else "this token"
            raise Problem(403, "Not allowed", f"{who} has no permission {self.permission}")
        if session.scope is None and request.method not in SAFE:
            check_token(request, session)
        return session


def require(permission: str, *, by_address: bool = False) -> Needs:
    """Return a dependency: only a session or token that has this permission passes."""
    if permission not in PERMISSIONS:
        raise KeyError(f"{permission}: is not in server/accounts/permissions.py")
    return Needs(permission, by_address)


def check_token(request: Request, session: Session) -> None:
    """Refuse a write without the session's own token: another site can make a browser send the cookie, not this."""
    given = request.headers.get("x-csrf-token", "")
    if not secrets.compare_digest(given.encode(), session.csrf.encode()):
        raise Problem(403, "Token missing", "send the session's token in the header X-CSRF-Token")


def is_foreign(request: Request) -> bool:
    """Tell whether a browser says that another site made it ask."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = request.headers.get("origin")
    return origin is not None and origin.split("://", 1)[-1] != request.headers.get("host", "")
