"""The ledger's share of one batch: entries and joined alerts, read together and written together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Self

from sqlalchemy import Connection, bindparam, delete, func, select

from server.alerts.pending import Heard
from server.batch import Batch
from server.bulk import insert_new_rows, insert_rows, update_rows, upsert_rows
from server.database import last_given
from server.ledger import search
from server.ledger.entry import FIELDS, Entry, columns, from_tuple
from server.ledger.tables import hazards, joined, numbers, waiting
from server.lookup import Lookup
from server.records import altered

ENTRY = select(*(hazards.c[name] for name in FIELDS))
_BY_ID = ENTRY.where(hazards.c.id.in_(bindparam("ids", expanding=True))).with_for_update()
_NEWEST = Lookup(
    [hazards.c.cause],
    lambda ours: ENTRY.where(
        hazards.c.id.in_(select(func.max(hazards.c.id)).where(ours).group_by(hazards.c.cause))
    ).with_for_update(),
)
_JOINS = Lookup([joined.c.alert], select(joined.c.alert, joined.c.hazard).where)


@dataclass(slots=True)
class Books:
    """What is known of the entries a batch is about, and what waits to be written."""

    rank: ClassVar[int] = 10
    entries: dict[int, Entry] = field(default_factory=dict[int, Entry])
    newest: dict[str, int | None] = field(default_factory=dict[str, "int | None"])
    of_alert: dict[str, int | None] = field(default_factory=dict[str, "int | None"])
    opened: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])
    numbers: dict[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])
    changed: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])
    joins: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    waits: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    done_waiting: set[str] = field(default_factory=set[str])
    _last_id: int = 0

    @classmethod
    def load(cls, connection: Connection, batch: Batch) -> Self:
        books = cls()
        standing = [alert.id for alert in batch.part(connection, Heard).standing.values() if alert is not None]
        books._read_joins(connection, standing)
        books._read_causes(connection, {"/".join(key) for key in batch.keys})
        books._read_entries(connection, {hazard for hazard in books.of_alert.values() if hazard is not None})
        return books

    def entry(self, connection: Connection, hazard: int) -> Entry | None:
        """Return an entry by its id, as this batch leaves it."""
        if hazard not in self.entries:
            self._read_entries(connection, [hazard])
        return self.entries.get(hazard)

    def last_of(self, connection: Connection, cause: str) -> Entry | None:
        """Return the newest entry of a cause."""
        if cause not in self.newest:
            self._read_causes(connection, [cause])
        hazard = self.newest[cause]
        return None if hazard is None else self.entries[hazard]

    def joined_by(self, connection: Connection, alert: str) -> int | None:
        """Return the entry an alert joined."""
        if alert not in self.of_alert:
            self._read_joins(connection, [alert])
        return self.of_alert[alert]

    def join(self, alert: str, hazard: int, at: datetime) -> None:
        self.of_alert[alert] = hazard
        self.joins[alert] = {"alert": alert, "hazard": hazard, "at": at}

    def wait(self, alert: str, due_at: datetime) -> None:
        self.waits.setdefault(alert, {"alert": alert, "due_at": due_at})

    def end_wait(self, alert: str) -> None:
        self.waits.pop(alert, None)
        self.done_waiting.add(alert)

    def open(self, connection: Connection, entry: Entry) -> Entry:
        """Give a fresh entry its id and keep it until the flush."""
        if connection.dialect.name == "postgresql" or not self._last_id:
            self._last_id = last_given(connection, hazards)
        self._last_id += 1
        entry = altered(entry, id=self._last_id)
        self.entries[entry.id], self.newest[entry.cause] = entry, entry.id
        self.opened[entry.id] = {"id": entry.id, **columns(entry)}
        return entry

    def put(self, entry: Entry, changed: Mapping[str, Any]) -> None:
        """Keep an entry's newest state until the flush."""
        self.entries[entry.id] = entry
        if entry.id in self.opened:
            self.opened[entry.id] |= changed
        elif changed:
            self.changed.setdefault(entry.id, {}).update(changed)

    def flush(self, connection: Connection, batch: Batch) -> None:  # noqa: ARG002
        self.flush_entries(connection)
        if self.done_waiting:
            connection.execute(delete(waiting).where(waiting.c.alert.in_(sorted(self.done_waiting))))
        if self.waits:
            insert_new_rows(connection, waiting, list(self.waits.values()))
        if self.joins:
            upsert_rows(connection, joined, ("alert",), list(self.joins.values()))

    def flush_entries(self, connection: Connection) -> None:
        """Write the entries' changes, one statement for each set of columns."""
        if self.numbers:
            rows = [{"site": site, "year": year, "last": last} for (site, year), last in self.numbers.items()]
            upsert_rows(connection, numbers, ("site", "year"), rows)
        if self.opened:
            insert_rows(connection, hazards, list(self.opened.values()))
            search.put(connection, self.opened.items())
            self.opened.clear()
        by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for hazard, values in self.changed.items():
            same = by_columns.setdefault(tuple(sorted(values)), [])
            same.append({"id": hazard, **values})
        for names, rows in by_columns.items():
            update_rows(connection, hazards, "id", rows)
            if set(names) & set(search.TEXTS):
                search.put_again(connection, [row["id"] for row in rows])
        self.changed.clear()

    def _read_joins(self, connection: Connection, ids: Iterable[str]) -> None:
        wanted = list(ids)
        self.of_alert |= dict.fromkeys(wanted)
        if wanted:
            self.of_alert |= {row.alert: row.hazard for row in _JOINS.rows(connection, wanted)}

    def _read_causes(self, connection: Connection, causes: Iterable[str]) -> None:
        wanted = list(causes)
        self.newest |= dict.fromkeys(wanted)
        if not wanted:
            return
        for row in _NEWEST.rows(connection, wanted):
            entry = from_tuple(row)
            entry = self.entries.setdefault(entry.id, entry)
            self.newest[entry.cause] = entry.id

    def _read_entries(self, connection: Connection, ids: Iterable[int]) -> None:
        wanted = [hazard for hazard in ids if hazard not in self.entries]
        if wanted:
            for row in connection.execute(_BY_ID, {"ids": wanted}).all():
                entry = from_tuple(row)
                self.entries[entry.id] = entry
