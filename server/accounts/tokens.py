"""API tokens: a program's own key, never more than its owner may do, at the sites its owner sees."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, insert, select, update

from server.accounts.permissions import KIOSKS, PERMISSIONS, Role, may
from server.accounts.reach import Reach, of_user
from server.accounts.sessions import SEEN_EVERY, Session, hashed
from server.accounts.tables import tokens, users
from server.errors import RefusedError, UnknownError

PREFIX = "cw_"
LONGEST_DAYS = 730
MOST = 50  # that stand, an owner
NEVER = frozenset({"users.write", "kiosks.write", "tokens.write", "account.write"})
"""What a token may never hold: with it, it could make itself another."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as its owner sees it; its text is shown once and kept nowhere."""

    id: int
    owner: str
    name: str
    scope: tuple[str, ...]
    site: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


def create(
    connection: Connection, owner: str, name: str, scope: Iterable[str], now: datetime, days: int, site: str = ""
) -> str:
    """Make a token of this owner; return its text. `site` narrows it to one school."""
    row = connection.execute(select(users).where(users.c.name == owner, ~users.c.disabled)).one_or_none()
    if row is None:
        raise UnknownError(f"user {owner}: does not exist, or is disabled")
    wanted = sorted(set(scope))
    _check(Role(row.role), wanted, name, days)
    owners = of_user(connection, row.id)
    if site and not owners.sees(site):
        raise RefusedError(f"token: {owner} does not see the site {site}")
    standing = select(tokens.c.id).where(tokens.c.user == row.id, tokens.c.revoked_at.is_(None))
    if len(connection.execute(standing.where(tokens.c.expires_at > now)).all()) >= MOST:
        raise RefusedError(f"token: {owner} has {MOST} tokens already: revoke one")
    text = PREFIX + secrets.token_urlsafe(32)
    values = {
        "hash": hashed(text), "user": row.id, "name": name.strip(), "scope": " ".join(wanted),
        "site": site or owners.only,
        "created_at": now, "expires_at": now + timedelta(days=days),
    }  # fmt: skip
    connection.execute(insert(tokens).values(values))
    return text


def find(connection: Connection, text: str, now: datetime) -> Session | None:
    """Return what a token may do, unless it is revoked, over, or its owner disabled."""
    query = (
        select(tokens, users.c.name.label("owner"), users.c.role)
        .join(users, users.c.id == tokens.c.user)
        .where(tokens.c.hash == hashed(text), *_standing(now))
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    owners = of_user(connection, row.user)
    if row.site and not owners.sees(row.site):
        return None  # its owner may have been moved to another school since: then it sees nothing
    stale = row.used_at is None or now - row.used_at > SEEN_EVERY
    return Session(row.hash, row.owner, Role(row.role), owners.at(row.site), "", stale, frozenset(row.scope.split()))


def touch(connection: Connection, hash_: str, now: datetime) -> None:
    """Write down that a token was used."""
    connection.execute(update(tokens).where(tokens.c.hash == hash_).values(used_at=now))


def listed(connection: Connection, owner: str | None = None) -> Sequence[Token]:
    """Return tokens, the newest first; of one owner where one is named."""
    query = select(tokens, users.c.name.label("owner")).join(users, users.c.id == tokens.c.user)
    if owner is not None:
        query = query.where(users.c.name == owner)
    return [
        Token(
            r.id, r.owner, r.name, tuple(r.scope.split()), r.site, r.created_at, r.expires_at, r.used_at, r.revoked_at
        )
        for r in connection.execute(query.order_by(tokens.c.id.desc()).limit(500))
    ]


def revoke(connection: Connection, token: int, now: datetime, owner: str | None = None) -> Token:
    """End a token for good; where an owner is named, only one of his."""
    found = next((one for one in listed(connection, owner) if one.id == token), None)
    if found is None:
        raise UnknownError(f"token {token}: there is none with this number")
    open_ = (tokens.c.id == token) & tokens.c.revoked_at.is_(None)
    connection.execute(update(tokens).where(open_).values(revoked_at=now))
    return found


def revoke_all(connection: Connection, user: int, now: datetime) -> int:
    """End all tokens of a user for good; return how many."""
    open_ = (tokens.c.user == user) & tokens.c.revoked_at.is_(None) & (tokens.c.expires_at > now)
    return connection.execute(update(tokens).where(open_).values(revoked_at=now)).rowcount


def standing(connection: Connection, hashes: Sequence[str], now: datetime) -> Mapping[str, Reach]:
    """Return which of these tokens still stand and how far each sees now, for streams that are open."""
    query = select(tokens.c.hash, tokens.c.user, tokens.c.site).join(users, users.c.id == tokens.c.user)
    rows = connection.execute(query.where(tokens.c.hash.in_(hashes), *_standing(now))).all()
    return {row.hash: of_user(connection, row.user).at(row.site) for row in rows}


def _standing(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (tokens.c.revoked_at.is_(None), tokens.c.expires_at > now, users.c.disabled.is_(False))


def _check(role: Role, wanted: Sequence[str], name: str, days: int) -> None:
    if role in KIOSKS:
        raise RefusedError("token: a screen has none")
    if not name.strip() or len(name) > 80 or "\0" in name:
        raise RefusedError("token: a name has 1 to 80 characters")
    if not 1 <= days <= LONGEST_DAYS:
        raise RefusedError(f"token: holds 1 to {LONGEST_DAYS} days")
    if not wanted:
        raise RefusedError("token: name at least one permission")
    for permission in wanted:
        if permission not in PERMISSIONS or permission in NEVER or not may(role, permission):
            raise RefusedError(f"token: {permission} is not a permission its owner can give")
