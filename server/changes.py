"""The change feed: what pages must hear, numbered in the order it was committed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Self

from sqlalchemy import JSON, Column, Connection, Index, String, Table, func, select, text

from server.batch import Batch, part_of
from server.bulk import Raw, insert_rows
from server.database import Counter, Instant, last_given, metadata

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

CHANNEL = "campus_changes"
"""PostgreSQL tells whoever listens here of every commit that may have changed something."""

_LOCK = 0x6361_6D70_7573  # "campus": any number that is ours alone


@dataclass(slots=True)
class Feed:
    """Changes of one batch. Until they are written their numbers are -1, -2, …; `number` gives the real ones."""

    rank: ClassVar[int] = 20
    rows: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    in_order: bool = False  # no other writer numbers anything until the end of this transaction
    _numbers: Sequence[int] = ()

    @classmethod
    def load(cls, connection: Connection, batch: Batch) -> Self:  # noqa: ARG003
        return cls()

    def add(self, row: dict[str, Any]) -> int:
        self.rows.append(row)
        return -len(self.rows)

    def number(self, n: int) -> int:
        """Return the number a change was given at the flush; a real one is returned as it is."""
        return n if n >= 0 else self._numbers[-n - 1]

    def flush(self, connection: Connection, batch: Batch) -> None:  # noqa: ARG002
        if not self.rows:
            return
        self._numbers = _take_numbers(connection, len(self.rows))
        for n, row in zip(self._numbers, self.rows, strict=True):
            row["n"] = n
        insert_rows(connection, changes, self.rows)


def announce(connection: Connection, at: datetime, kind: str, site: str, payload: Mapping[str, Any] | Raw) -> int:
    """Write one change in the caller's transaction; return its number. Pages hear it after the commit."""
    values: dict[str, Any] = {
        "at": at,
        "kind": kind,
        "site": site,
        "payload": payload if isinstance(payload, Raw) else dict(payload),
    }
    feed = part_of(connection, Feed)
    if feed is not None:
        return feed.add(values)
    n = _take_numbers(connection, 1)[0]
    insert_rows(connection, changes, [{**values, "n": n}])
    return n


def in_commit_order(connection: Connection) -> None:
    """Let no other writer number anything until this transaction ends, so that a reader's cursor skips nothing.

    SQLite has one writer at a time anyway.
    """
    if connection.dialect.name == "postgresql":
        feed = part_of(connection, Feed)
        if feed is not None and feed.in_order:
            return
        lock = text("SELECT pg_advisory_xact_lock(:lock), pg_notify(:channel, '')")
        connection.execute(lock, {"lock": _LOCK, "channel": CHANNEL})
        if feed is not None:
            feed.in_order = True


def head(connection: Connection) -> int:
    """Return the number of the newest change, 0 where there is none."""
    return connection.execute(select(func.max(changes.c.n))).scalar() or 0


def oldest(connection: Connection) -> int:
    """Return the number of the oldest change that is kept, 0 where there is none."""
    return connection.execute(select(func.min(changes.c.n))).scalar() or 0


def _take_numbers(connection: Connection, count: int) -> Sequence[int]:
    if connection.dialect.name == "postgresql":
        in_commit_order(connection)
        given = text("SELECT nextval(pg_get_serial_sequence('changes', 'n')) FROM generate_series(1, :count)")
        return connection.execute(given, {"count": count}).scalars().all()
    last = last_given(connection, changes)
    return range(last + 1, last + 1 + count)
