"""insert_new tells the truth on both databases: ingest and the ledger lean on it."""

from __future__ import annotations

from ledger_clock import NOW

from server.database import Database, insert_new
from server.ledger.tables import waiting


def test_a_row_is_new_once(database: Database) -> None:
    with database.write.begin() as connection:
        assert insert_new(connection, waiting, {"alert": "a1", "due_at": NOW})
        assert not insert_new(connection, waiting, {"alert": "a1", "due_at": NOW})
