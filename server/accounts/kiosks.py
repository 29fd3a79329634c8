"""Screens at a post: a device that stays logged in, let in by a code that works once, until it is revoked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from server.accounts import sessions, users
from server.accounts.permissions import KIOSKS, Role
from server.accounts.reach import EVERYWHERE, Reach
from server.accounts.tables import kiosk_codes
from server.accounts.tables import users as user_table
from server.accounts.users import User
from server.errors import RefusedError, UnknownError

CODE_HOLDS = timedelta(hours=24)
NO_PASSWORD = "-"  # noqa: S105 - is the hash of none: a screen is let in by its code alone


def add(connection: Connection, name: str, now: datetime, reach: Reach = EVERYWHERE, *, look_only: bool = False) -> str:
    """Add a screen; return the code that logs it in once, which is kept nowhere."""
    users.put(connection, name, Role.SCREEN if look_only else Role.KIOSK, NO_PASSWORD, now, reach)
    return renew(connection, name, now)


def renew(connection: Connection, name: str, now: datetime) -> str:
    """Make another code for a screen, e.g. for a replaced device; older codes end."""
    row = connection.execute(select(user_table).where(user_table.c.name == name)).one_or_none()
    if row is None or Role(row.role) not in KIOSKS:
        raise UnknownError(f"kiosk {name}: there is none with this name")
    if row.disabled:
        raise RefusedError(f"kiosk {name}: is revoked; add one with another name")
    code = users.make_password()
    connection.execute(delete(kiosk_codes).where(kiosk_codes.c.user == row.id))
    connection.execute(insert(kiosk_codes).values(hash=sessions.hashed(code), user=row.id, created_at=now))
    return code


@dataclass(frozen=True, slots=True)
class Entered:
    """A screen that was let in, and its cookie's value."""

    name: str
    cookie: str = field(repr=False)


def open_session(connection: Connection, code: str, now: datetime) -> Entered | None:
    """Spend a code; return None where it is not, or no longer, good."""
    hash_ = sessions.hashed(code.strip().lower())
    row = connection.execute(
        select(kiosk_codes.c.user, user_table.c.name)
        .join(user_table, user_table.c.id == kiosk_codes.c.user)
        .where(
            kiosk_codes.c.hash == hash_,
            kiosk_codes.c.created_at > now - CODE_HOLDS,
            user_table.c.disabled.is_(False),
        )
    ).one_or_none()
    if row is None:
        return None
    connection.execute(delete(kiosk_codes).where(kiosk_codes.c.hash == hash_))
    return Entered(row.name, sessions.open_session(connection, row.user, now))


def listed(connection: Connection) -> Sequence[User]:
    """Return all screens by name."""
    return [user for user in users.listed(connection) if user.role in KIOSKS]


def revoke(connection: Connection, name: str) -> None:
    """End a screen for good."""
    if all(kiosk.name != name for kiosk in listed(connection)):
        raise UnknownError(f"kiosk {name}: there is none with this name")
    users.disable(connection, name)
