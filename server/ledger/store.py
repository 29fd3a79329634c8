"""Entries in the database: open one, change one, find one. Every change writes its journal row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from server.batch import part_of
from server.changes import announce
from server.errors import RefusedError, UnknownError
from server.ledger import journal, search
from server.ledger.entry import Entry, columns, difference, from_row
from server.ledger.pending import Books
from server.ledger.tables import IS_OPEN, hazards, numbers
from server.records import altered


class StaleEditError(RefusedError):
    """Somebody else changed the entry first; nothing was overwritten."""


def open_entry(
    connection: Connection, entry: Entry, by: str, at: datetime, detail: Mapping[str, Any], zone: tzinfo
) -> Entry:
    """Insert an entry under the next number of its school and year."""
    year = at.astimezone(zone).year
    books = part_of(connection, Books)
    n = (
        next_number(connection, entry.site, year)
        if books is None
        else _next_of_batch(connection, books, entry.site, year)
    )
    entry = altered(entry, number=f"{entry.site.upper()}-{year}-{n:04d}", year=year, register=year, version=1)
    values = columns(entry)
    if books is not None:
        entry = books.open(connection, entry)
    else:
        key = connection.execute(insert(hazards).values(values)).inserted_primary_key
        entry = replace(entry, id=key[0] if key is not None else 0)
        search.put(connection, [(entry.id, values)])
    body = {"set": {"id": entry.id, **values}, **detail}
    journal.append(connection, entry.site, at, by, entry.id, "open", ("", entry.state), body)
    _announce(connection, entry, at)
    return entry


def next_number(connection: Connection, site: str, year: int) -> int:
    """Give the next number of a school and year; a transaction that fails gives it back."""
    build = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    first = build(numbers).values(site=site, year=year, last=1)
    return connection.execute(
        first.on_conflict_do_update(
            index_elements=["site", "year"], set_={"last": numbers.c.last + 1}
        ).returning(numbers.c.last)
    ).scalar_one()  # fmt: skip


def _next_of_batch(connection: Connection, books: Books, site: str, year: int) -> int:
    # The first one locks the row of the school and year until the commit; the batch counts on from there.
    last = books.numbers.get((site, year))
    n = books.numbers[site, year] = next_number(connection, site, year) if last is None else last + 1
    return n


def change(
    connection: Connection,
    before: Entry,
    after: Entry,
    by: str,
    at: datetime,
    action: str,
    detail: Mapping[str, Any] | None = None,
) -> Entry:
    """Store a person's change; refuse it when the entry is no longer the `before` this person saw."""
    after = replace(after, version=before.version + 1)
    changed = difference(before, after)
    books = part_of(connection, Books)
    if books is not None:
        books.flush_entries(connection)
        books.put(after, {})
    same = (hazards.c.id == before.id) & (hazards.c.version == before.version)
    if connection.execute(update(hazards).where(same).values(changed)).rowcount != 1:
        raise StaleEditError(f"{before.number}：别人刚刚修改过，请刷新后重做（没有覆盖任何内容）")
    if changed.keys() & set(search.TEXTS):
        search.put(connection, [(after.id, columns(after))])
    _written(connection, before, after, by, at, action, {"set": changed, **(detail or {})})
    return after


def touch(
    connection: Connection, before: Entry, after: Entry, by: str, at: datetime, action: str, detail: Mapping[str, Any]
) -> Entry:
    """Store what a sensor or a timer adds; the version stays, so that nobody loses the form being filled in."""
    changed = difference(before, after)
    books = part_of(connection, Books)
    if books is not None:
        books.put(after, changed)
    elif changed:
        connection.execute(update(hazards).where(hazards.c.id == before.id).values(changed))
        if changed.keys() & set(search.TEXTS):
            search.put(connection, [(after.id, columns(after))])
    _written(connection, before, after, by, at, action, {"set": changed, **detail})
    return after


def get(connection: Connection, hazard: int, *, lock: bool = False) -> Entry:
    """Return one entry; raise UnknownError where there is none."""
    books = part_of(connection, Books)
    if books is not None:
        found = books.entry(connection, hazard)
    else:
        query = select(hazards).where(hazards.c.id == hazard)
        row = connection.execute(query.with_for_update() if lock else query).one_or_none()
        found = None if row is None else from_row(row)
    if found is None:
        raise UnknownError(f"台账中没有第 {hazard} 号记录")
    return found


def open_of_cause(connection: Connection, cause: str) -> Entry | None:
    """Return the open entry of a cause."""
    books = part_of(connection, Books)
    if books is not None:
        # Only the newest entry of a cause is ever open: the next is made when it no longer is.
        last = books.last_of(connection, cause)
        return last if last is not None and last.open else None
    query = select(hazards).where(hazards.c.cause == cause, IS_OPEN).with_for_update()
    row = connection.execute(query).one_or_none()
    return None if row is None else from_row(row)


def last_of_cause(connection: Connection, cause: str) -> Entry | None:
    """Return the newest entry of a cause, open or not."""
    books = part_of(connection, Books)
    if books is not None:
        return books.last_of(connection, cause)
    query = select(hazards).where(hazards.c.cause == cause).order_by(hazards.c.id.desc()).limit(1)
    row = connection.execute(query.with_for_update()).one_or_none()
    return None if row is None else from_row(row)


def _written(
    connection: Connection, before: Entry, after: Entry, by: str, at: datetime, action: str, body: Mapping[str, Any]
) -> None:
    journal.append(connection, after.site, at, by, after.id, action, (before.state, after.state), body)
    _announce(connection, after, at)


def _announce(connection: Connection, entry: Entry, at: datetime) -> None:
    where = {"id": entry.id, "number": entry.number, "grid": entry.grid}
    payload = {**where, "state": entry.state.value, "version": entry.version}
    announce(connection, at, "hazard", entry.site, payload)
