"""Sessions kept by the server: a random cookie, only its hash stored, ended at once when they must."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select, update

from server.accounts.permissions import KIOSKS, Role, may
from server.accounts.reach import Reach, of_user
from server.accounts.tables import sessions, users

IDLE = timedelta(hours=12)  # a duty post sits before its page for a whole shift
LONGEST = timedelta(days=7)
LONGEST_KIOSK = timedelta(days=365)
SEEN_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Session:
    """A session that stands, and whose it is."""

    hash: str
    user: str
    role: Role
    reach: Reach
    csrf: str
    stale: bool  # its last use should be written down again
    scope: frozenset[str] | None = None  # of a program's token; None for a person, who may do all of the role

    def may(self, permission: str) -> bool:
        """Tell whether who asks has a permission."""
        return may(self.role, permission) and (self.scope is None or permission in self.scope)


def open_session(connection: Connection, user: int, now: datetime) -> str:
    """Open a session for a user; return the cookie's value, which is kept nowhere."""
    token = secrets.token_urlsafe(32)
    connection.execute(insert(sessions).values(hash=hashed(token), user=user, created_at=now, seen_at=now))
    return token


def find(connection: Connection, token: str, now: datetime) -> Session | None:
    """Return the session of a cookie, unless it is ended, idle for too long, or its user disabled."""
    row = connection.execute(
        select(sessions.c.hash, sessions.c.seen_at, users.c.id, users.c.name, users.c.role)
        .join(users, users.c.id == sessions.c.user)
        .where(sessions.c.hash == hashed(token), *_standing(now))
    ).one_or_none()
    if row is None:
        return None
    reach = of_user(connection, row.id)
    return Session(row.hash, row.name, Role(row.role), reach, csrf_of(token), now - row.seen_at > SEEN_EVERY)


def touch(connection: Connection, session: str, now: datetime) -> None:
    """Write down that a session was used."""
    connection.execute(update(sessions).where(sessions.c.hash == session).values(seen_at=now))


def end(connection: Connection, session: str) -> None:
    """End a session; one that is ended already is fine."""
    connection.execute(delete(sessions).where(sessions.c.hash == session))


def end_old(connection: Connection, now: datetime) -> None:
    """Delete sessions nobody can use any more."""
    kept = select(users.c.id).where(_is_kiosk())
    connection.execute(delete(sessions).where(sessions.c.created_at <= now - LONGEST_KIOSK))
    for old in (sessions.c.seen_at <= now - IDLE, sessions.c.created_at <= now - LONGEST):
        connection.execute(delete(sessions).where(old, sessions.c.user.not_in(kept)))


def standing(connection: Connection, hashes: Sequence[str], now: datetime) -> frozenset[str]:
    """Return which of these sessions still stand."""
    return frozenset(
        connection.execute(
            select(sessions.c.hash)
            .join(users, users.c.id == sessions.c.user)
            .where(sessions.c.hash.in_(hashes), *_standing(now))
        ).scalars()
    )


def hashed(token: str) -> str:
    """Return what is stored of a cookie."""
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_of(token: str) -> str:
    """Return the token a form must send beside the cookie; another site can know neither."""
    return hashlib.sha256(b"csrf:" + token.encode()).hexdigest()


def _standing(now: datetime) -> tuple[ColumnElement[bool], ...]:
    person = and_(sessions.c.seen_at > now - IDLE, sessions.c.created_at > now - LONGEST)
    kiosk = and_(_is_kiosk(), sessions.c.created_at > now - LONGEST_KIOSK)
    return (or_(person, kiosk), users.c.disabled.is_(False))


def _is_kiosk() -> ColumnElement[bool]:
    return users.c.role.in_([role.value for role in KIOSKS])
