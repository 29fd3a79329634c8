"""Which alert belongs to which entry, and which alerts wait to see if they last."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, select

from server.batch import part_of
from server.database import insert_new, upsert
from server.ledger.pending import Books
from server.ledger.tables import joined, waiting


def joined_by(connection: Connection, alert: str) -> int | None:
    """Return the entry an alert joined."""
    books = part_of(connection, Books)
    if books is not None:
        return books.joined_by(connection, alert)
    return connection.execute(select(joined.c.hazard).where(joined.c.alert == alert)).scalar()


def join(connection: Connection, alert: str, hazard: int, at: datetime) -> None:
    """Note that an alert belongs to an entry."""
    books = part_of(connection, Books)
    if books is not None:
        books.join(alert, hazard, at)
    else:
        upsert(connection, joined, {"alert": alert}, {"hazard": hazard, "at": at})


def wait(connection: Connection, alert: str, due_at: datetime) -> None:
    """Let an alert become an entry at `due_at` unless it ends before."""
    books = part_of(connection, Books)
    if books is not None:
        books.wait(alert, due_at)
    else:
        insert_new(connection, waiting, {"alert": alert, "due_at": due_at})


def end_wait(connection: Connection, alert: str) -> None:
    """Let an alert that ended wait no longer."""
    books = part_of(connection, Books)
    if books is not None:
        books.end_wait(alert)
    else:
        connection.execute(delete(waiting).where(waiting.c.alert == alert))
