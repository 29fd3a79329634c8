"""Users and their passwords."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from sqlalchemy import Connection, delete, insert, select, update

from server.accounts import tokens
from server.accounts.permissions import Role
from server.accounts.reach import EVERY, EVERYWHERE, Reach, of_users
from server.accounts.reach import put as put_reach
from server.accounts.tables import audit, sessions, user_reach, users
from server.errors import RefusedError, UnknownError

SHORTEST_PASSWORD = 10
KNOWN_FOR = timedelta(days=30)

_hasher = PasswordHash.recommended()


@cache
def _nobody() -> str:
    """Return a hash to check where no such user exists, so that the answer takes as long as for one who does."""
    return _hasher.hash(secrets.token_hex())


@dataclass(frozen=True, slots=True)
class User:
    """One who may log in, and how far he sees."""

    id: int
    name: str
    role: Role
    reach: Reach
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


def has_come_from(connection: Connection, name: str, address: str, now: datetime) -> bool:
    """Tell whether a user has logged in from an address within `KNOWN_FOR`."""
    line = select(audit.c.n).where(
        audit.c.at > now - KNOWN_FOR, audit.c.by == name, audit.c.address == address, audit.c.action == "login"
    )
    return connection.execute(line.limit(1)).first() is not None


def add(connection: Connection, name: str, role: Role, password: str, now: datetime, reach: Reach = EVERYWHERE) -> None:
    """Add a user; refuse a name that is taken or empty."""
    put(connection, name, role, hash_password(password), now, reach)


def put(connection: Connection, name: str, role: Role, hashed: str, now: datetime, reach: Reach = EVERYWHERE) -> None:
    """Add a user whose password was hashed before: a writer that serves alerts has no time for it."""
    if not name.strip() or len(name) > 80 or any(ord(sign) < 32 or sign == "/" for sign in name):
        raise RefusedError("user: a name has 1 to 80 characters, none of them /")
    if connection.execute(select(users.c.id).where(users.c.name == name)).first() is not None:
        raise RefusedError(f"user {name}: exists already")
    values = {"name": name, "role": role.value, "created_at": now, "disabled": False}
    key = connection.execute(insert(users).values(**values, password=hashed)).inserted_primary_key
    put_reach(connection, key[0] if key is not None else 0, reach)


def listed(connection: Connection) -> Sequence[User]:
    """Return all users by name."""
    reach = of_users(connection)
    return [
        User(row.id, row.name, Role(row.role), reach.get(row.id, Reach.of()), row.disabled, row.created_at)
        for row in connection.execute(select(users).order_by(users.c.name))
    ]


def disable(connection: Connection, name: str) -> None:
    """Let a user in no more, and end the sessions that are open."""
    _change(connection, name, disabled=True)


def set_password(connection: Connection, name: str, password: str, now: datetime) -> int:
    """Set another's password, let a disabled user in again, end the open sessions and all tokens; return how many."""
    return put_password(connection, name, hash_password(password), now)


def put_password(connection: Connection, name: str, hashed: str, now: datetime) -> int:
    """Do the same with a password that was hashed before."""
    _change(connection, name, password=hashed, disabled=False)
    # Whoever knew the old password could have made a token with it, to come back by.
    return tokens.revoke_all(connection, find(connection, name).id, now)


def check(connection: Connection, name: str, password: str) -> int | None:
    """Return the user's id where name and password fit; takes as long where they do not."""
    row = connection.execute(select(users).where(users.c.name == name)).one_or_none()
    try:
        fits = _hasher.verify(password, row.password if row is not None else _nobody())
    except UnknownHashError:  # a screen, which has no password
        _hasher.verify(password, _nobody())
        return None
    return row.id if row is not None and fits and not row.disabled else None


def enable(connection: Connection, name: str) -> None:
    """Let a disabled user in again."""
    _change(connection, name, disabled=False)


def assign(connection: Connection, name: str, role: Role, reach: Reach) -> None:
    """Give a user another role or reach; the open sessions end, for they saw more or less than that."""
    _change(connection, name, reach, role=role.value)


def put_own(connection: Connection, name: str, hashed: str, kept: str) -> None:
    """Set one's own password; all sessions but the one named by its hash end, tokens stay."""
    user = find(connection, name).id
    connection.execute(update(users).where(users.c.id == user).values(password=hashed))
    connection.execute(delete(sessions).where(sessions.c.user == user, sessions.c.hash != kept))


def find(connection: Connection, name: str) -> User:
    """Return one user; raise UnknownError where there is none."""
    found = next((user for user in listed(connection) if user.name == name), None)
    if found is None:
        raise UnknownError(f"user {name}: does not exist")
    return found


def _change(connection: Connection, name: str, reach: Reach | None = None, **values: object) -> None:
    user = connection.execute(select(users.c.id).where(users.c.name == name)).scalar()
    if user is None:
        raise UnknownError(f"user {name}: does not exist")
    everywhere = select(user_reach.c.user).where(user_reach.c.site == EVERY)
    over_all = (users.c.role == Role.ADMIN.value) & users.c.id.in_(everywhere) & ~users.c.disabled
    admins = set(connection.execute(select(users.c.id).where(over_all)).scalars())
    connection.execute(update(users).where(users.c.id == user).values(**values))
    if reach is not None:
        put_reach(connection, user, reach)
    if admins == {user} and connection.execute(select(users.c.id).where(over_all)).first() is None:
        raise RefusedError(f"user {name}: is the last administrator of all sites: make another one first")
    connection.execute(delete(sessions).where(sessions.c.user == user))
