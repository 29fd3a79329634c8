"""Who is asking: the session of a request, and `require(...)` for every route."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Connection

from server.accounts import sessions
from server.accounts.permissions import PERMISSIONS, may
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


def require(permission: str) -> Callable[[Request], Session]:
    """Return a dependency: only a session whose role has this permission passes, and a write needs its token."""
    if permission not in PERMISSIONS:
        raise KeyError(f"{permission}: is not in server/accounts/permissions.py")

    def check(request: Request) -> Session:
        session = identify(request)
        if session is None:
            raise Problem(401, "Not logged in", "log in first: POST /api/v1/session")
        if not may(session.role, permission):
            raise Problem(403, "Not allowed", f"the role {session.role} has no permission {permission}")
        if request.method not in SAFE:
            check_token(request, session)
        return session

    return check


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
