"""The change feed: what pages must hear, numbered in the order it was committed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import JSON, Column, Connection, Index, String, Table, func, insert, select

from server.database import Counter, Instant, metadata

changes = Table(
    "changes",
    metadata,
    Column("n", Counter, primary_key=True, autoincrement=True),  # the SSE id
    Column("at", Instant, nullable=False),
    Column("kind", String(40), nullable=False),  # the SSE event name: alert, hazard, agent, …
    Column("site", String(40), nullable=False),
    Column("payload", JSON, nullable=False),
    Index("ix_changes_site_n", "site", "n"),
    sqlite_autoincrement=True,  # a number is never given twice
)


def announce(connection: Connection, at: datetime, kind: str, site: str, payload: Mapping[str, Any]) -> int:
    """Write one change in the caller's transaction; return its number. Pages hear it after the commit."""
    values = {"at": at, "kind": kind, "site": site, "payload": dict(payload)}
    key = connection.execute(insert(changes).values(values)).inserted_primary_key
    return cast("int", key[0]) if key is not None else 0


def head(connection: Connection) -> int:
    """Return the number of the newest change, 0 where there is none."""
    return connection.execute(select(func.max(changes.c.n))).scalar() or 0
