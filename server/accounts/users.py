"""Users and their passwords."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from sqlalchemy import Connection, delete, insert, select, update

from server.accounts.permissions import Role
from server.accounts.tables import sessions, users
from server.errors import RefusedError, UnknownError

SHORTEST_PASSWORD = 10

_hasher = PasswordHash.recommended()


@cache
def _nobody() -> str:
    """Return a hash to check where no such user exists, so that the answer takes as long as for one who does."""
    return _hasher.hash(secrets.token_hex())


@dataclass(frozen=True, slots=True)
class User:
    """One who may log in. `site` is empty for those who see every site."""

    id: int
    name: str
    role: Role
    site: str
    disabled: bool
    created_at: datetime


def make_password() -> str:
    """Make a password that can be read out once and typed."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(3))


def hash_password(password: str) -> str:
    """Hash a password with argon2; refuse a short one."""
    if len(password) < SHORTEST_PASSWORD:
        raise RefusedError(f"password: at least {SHORTEST_PASSWORD} characters are needed")
    return _hasher.hash(password)


def add(connection: Connection, name: str, role: Role, password: str, now: datetime, site: str = "") -> None:
    """Add a user; refuse a name that is taken or empty."""
    if not name.strip() or len(name) > 80:
        raise RefusedError("user: a name has 1 to 80 characters")
    if connection.execute(select(users.c.id).where(users.c.name == name)).first() is not None:
        raise RefusedError(f"user {name}: exists already")
    values = {"name": name, "role": role.value, "site": site, "created_at": now, "disabled": False}
    connection.execute(insert(users).values(**values, password=hash_password(password)))


def listed(connection: Connection) -> Sequence[User]:
    """Return all users by name."""
    return [
        User(row.id, row.name, Role(row.role), row.site, row.disabled, row.created_at)
        for row in connection.execute(select(users).order_by(users.c.name))
    ]


def disable(connection: Connection, name: str) -> None:
    """Let a user in no more, and end the sessions that are open."""
    _change(connection, name, disabled=True)


def set_password(connection: Connection, name: str, password: str) -> None:
    """Set another password, let a disabled user in again, and end the sessions that are open."""
    _change(connection, name, password=hash_password(password), disabled=False)


def check(connection: Connection, name: str, password: str) -> int | None:
    """Return the user's id where name and password fit; takes as long where they do not."""
    row = connection.execute(select(users).where(users.c.name == name)).one_or_none()
    try:
        fits = _hasher.verify(password, row.password if row is not None else _nobody())
    except UnknownHashError:
        return None
    return row.id if row is not None and fits and not row.disabled else None


def _change(connection: Connection, name: str, **values: object) -> None:
    user = connection.execute(select(users.c.id).where(users.c.name == name)).scalar()
    if user is None:
        raise UnknownError(f"user {name}: does not exist")
    connection.execute(update(users).where(users.c.id == user).values(**values))
    connection.execute(delete(sessions).where(sessions.c.user == user))
