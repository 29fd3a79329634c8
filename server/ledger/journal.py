"""The journal: one row per change, chained by SHA-256 over canonical JSON, one chain per site."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from server.database import insert_new
from server.ledger.tables import chains, journal

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the journal, with the hash of the row before it."""

    site: str
    n: int
    at: datetime
    by: str
    hazard: int
    action: str
    source: str
    target: str
    body: str
    previous: str
    hash: str = ""


def canonical(value: Mapping[str, Any]) -> str:
    """One text for one value: sorted keys, no spaces, UTC times in microseconds, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)


def digest(row: Row) -> str:
    """Return the hash a row must carry: SHA-256 over all its other fields."""
    fields = asdict(row)
    del fields["hash"]
    return hashlib.sha256(canonical(fields).encode("utf-8", "surrogatepass")).hexdigest()


def append(
    connection: Connection,
    site: str,
    at: datetime,
    by: str,
    hazard: int,
    action: str,
    states: tuple[str, str],
    body: Mapping[str, Any],
) -> Row:
    """Add one row to the site's chain in the caller's transaction."""
    n, previous = _tip(connection, site)
    row = Row(site, n + 1, at, by, hazard, action, states[0], states[1], canonical(body), previous)
    row = replace(row, hash=digest(row))
    connection.execute(insert(journal).values(asdict(row)))
    connection.execute(update(chains).where(chains.c.site == site).values(n=row.n, hash=row.hash))
    return row


def _tip(connection: Connection, site: str) -> tuple[int, str]:
    # The row is the lock: two writers of one site stand in line here (PostgreSQL; SQLite has one writer anyway).
    tip = select(chains.c.n, chains.c.hash).where(chains.c.site == site).with_for_update()
    row = connection.execute(tip).one_or_none()
    if row is None:
        insert_new(connection, chains, {"site": site, "n": 0, "hash": GENESIS})
        row = connection.execute(tip).one()
    return row.n, row.hash


def moment(at: datetime) -> str:
    """Return a moment as the journal writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return moment(value)
    raise TypeError(f"{value!r}: cannot stand in the journal")
