"""Carry everything from one database into an empty PostgreSQL: counts and hashes compared, the chain proved after."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Json
from sqlalchemy import JSON, Connection, Table, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from server.database import Database, connect, last_given
from server.errors import ServerError
from server.ledger import search
from server.ledger.verify import verify
from server.migrate import migrate
from server.safekeeping.dump import driver
from server.tables import metadata

PAGE = 5_000


@dataclass(frozen=True, slots=True)
class Moved:
    """One table: how many rows, and the hash of them all on either side."""

    table: str
    rows: int
    digest: str


def move(source: Database, address: str) -> list[Moved]:
    """Copy every table in one transaction; raise ServerError, with nothing left behind, where anything differs."""
    target = connect(address)
    try:
        if target.read.dialect.name != "postgresql":
            raise ServerError("move: the new database is to be PostgreSQL: --to postgresql://user@host/name")
        migrate(target)
        with source.read.connect() as rows, target.write.begin() as into:
            _refuse_used(into)
            moved = [_move(rows, into, table) for table in metadata.sorted_tables]
            for table in metadata.sorted_tables:
                _count_on(rows, into, table)
            search.rebuild(into)
            proof = verify(into)
            if proof.broken is not None:
                raise ServerError(f"move: nothing was moved: the journal does not hold: {proof.broken}")
    except (SQLAlchemyError, psycopg.Error) as e:
        raise ServerError(f"move: nothing was moved: {e.__cause__ or e}".splitlines()[0]) from e
    finally:
        target.close()
        target.write.dispose()
    return moved


def digest_of(connection: Connection, table: Table) -> tuple[int, str]:
    """Return how many rows a table has and one hash of them, whatever order the database gives them in."""
    total, count = 0, 0
    for row in _rows(connection, table):
        total = (total + int.from_bytes(hashlib.sha256(_canonical(row)).digest())) % (1 << 256)
        count += 1
    return count, f"{total:064x}"


def _move(rows: Connection, into: Connection, table: Table) -> Moved:
    columns = [column.name for column in table.columns]
    as_json = [isinstance(column.type, JSON) for column in table.columns]
    names = sql.SQL(", ").join([sql.Identifier(name) for name in columns])
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), names)
    with driver(into).cursor() as cursor, cursor.copy(statement) as copy:
        for row in _rows(rows, table):
            copy.write_row([Json(v) if j and v is not None else v for v, j in zip(row, as_json, strict=True)])
    before, after = digest_of(rows, table), digest_of(into, table)
    if before != after:
        raise ServerError(
            f"move: nothing was moved: {table.name} had {before[0]} rows, {after[0]} came, or one differs"
        )
    return Moved(table.name, *after)


def _rows(connection: Connection, table: Table) -> Iterator[Sequence[Any]]:
    query = select(table).execution_options(yield_per=PAGE)
    yield from connection.execute(query)


def _canonical(row: Sequence[Any]) -> bytes:
    return json.dumps(list(row), sort_keys=True, ensure_ascii=False, default=_plain).encode("utf-8", "surrogatepass")


def _plain(value: object) -> str:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat()
        case bytes():
            return value.hex()
        case _:
            return str(value)


def _refuse_used(into: Connection) -> None:
    for table in metadata.sorted_tables:
        if into.execute(select(func.count()).select_from(table)).scalar_one():
            raise ServerError(f"move: the new database is not empty ({table.name} has rows): name a fresh one")


def _count_on(rows: Connection, into: Connection, table: Table) -> None:
    """Let numbers go on after the highest ever given, which may be higher than the highest that is there."""
    key = table.autoincrement_column
    if key is None:
        return
    highest = int(rows.execute(select(func.max(key))).scalar() or 0)
    given = last_given(rows, table) if table.dialect_options["sqlite"]["autoincrement"] else 0
    if (last := max(highest, given)) > 0:
        place = text("SELECT setval(pg_get_serial_sequence(:table, :key), :last)")
        into.execute(place, {"table": table.name, "key": key.name, "last": last})
