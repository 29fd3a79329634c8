"""Many rows in one statement: what a batch leaves in the tables at its end.

SQLAlchemy's own way costs more in binding each value than the database takes for it. SQLite is given rows as tuples;
PostgreSQL is given all of them as one JSON text, which it takes apart itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import JSON

from server.database import Instant

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Raw:
    """JSON that is text already, for a JSON column."""

    text: str


def insert_rows(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert rows of the same columns."""
    _run(connection, _insert(table, tuple(rows[0]), "", connection.dialect.name), rows)


def insert_new_rows(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert rows; those a unique constraint already holds are left as they are."""
    _run(connection, _insert(table, tuple(rows[0]), " ON CONFLICT DO NOTHING", connection.dialect.name), rows)


def upsert_rows(connection: Connection, table: Table, key: Sequence[str], rows: Rows) -> None:
    """Insert rows, or update those whose key is there already; no key comes twice."""
    names = tuple(rows[0])
    fresh = ", ".join(f'"{name}" = excluded."{name}"' for name in names if name not in key)
    quoted = ", ".join(f'"{name}"' for name in key)
    more = f" ON CONFLICT ({quoted}) DO UPDATE SET {fresh}"
    _run(connection, _insert(table, names, more, connection.dialect.name), rows)


def update_rows(connection: Connection, table: Table, key: str, rows: Rows) -> None:
    """Update rows, each found by one column; they all set the same columns."""
    _run(connection, _update(table, key, tuple(rows[0]), connection.dialect.name), rows)


def insert_fresh(connection: Connection, table: Table, key: Sequence[str], rows: Rows) -> set[tuple[Any, ...]]:
    """Insert rows that no unique constraint holds yet; return the keys of those that are new."""
    if connection.dialect.name == "postgresql":
        back = ", ".join(f'"{name}"' for name in key)
        plan = _insert(table, tuple(rows[0]), f" ON CONFLICT DO NOTHING RETURNING {back}", "postgresql")
        return {tuple(row) for row in _run(connection, plan, rows)}
    # Whoever writes to SQLite holds its lock: what is not there now is not there at the insert.
    known = _known(connection, table, key, [[row[name] for name in key] for row in rows])
    fresh = [row for row in rows if tuple(row[name] for name in key) not in known]
    if fresh:
        insert_rows(connection, table, fresh)
    return {tuple(row[name] for name in key) for row in fresh}


def _known(connection: Connection, table: Table, key: Sequence[str], wanted: list[list[Any]]) -> set[tuple[Any, ...]]:
    # Joined in this order, SQLite looks each key up; given as `IN`, it reads all numbers of an outbox file.
    names = ", ".join(f'held."{name}"' for name in key)
    same = " AND ".join(f"""held."{name}" = json_extract(given.value, '$[{i}]')""" for i, name in enumerate(key))
    query = f'SELECT {names} FROM json_each(?) AS given CROSS JOIN "{table.name}" AS held ON {same}'  # noqa: S608
    return {tuple(row) for row in connection.exec_driver_sql(query, (json.dumps(wanted),)).all()}


@dataclass(frozen=True, slots=True)
class _Plan:
    """A statement, and what becomes of a row before it is handed over."""

    sql: str
    pack: Callable[[Rows], Any]


def _run(connection: Connection, plan: _Plan, rows: Rows) -> Sequence[Any]:
    result = connection.exec_driver_sql(plan.sql, plan.pack(rows))
    return result.all() if result.returns_rows else ()


@cache
def _insert(table: Table, names: tuple[str, ...], more: str, dialect: str) -> _Plan:
    quoted = ", ".join(f'"{name}"' for name in names)
    into = f'INSERT INTO "{table.name}" ({quoted})'
    if dialect == "postgresql":
        values = ", ".join(_given(table, name) for name in names)
        from_ = f"{_recordset(table, names)}{more}"
        return _Plan(f"{into} SELECT {values} FROM {from_}", _as_json(table, names))  # noqa: S608 - our own names
    marks = ", ".join("?" for _ in names)
    return _Plan(f"{into} VALUES ({marks}){more}", _as_tuples(table, names))


@cache
def _update(table: Table, key: str, names: tuple[str, ...], dialect: str) -> _Plan:
    others = [name for name in names if name != key]
    if dialect == "postgresql":
        values = ", ".join(f'"{name}" = {_given(table, name)}' for name in others)
        found = f'"{table.name}"."{key}" = given."{key}"'
        from_ = f"{_recordset(table, names)} WHERE {found}"
        return _Plan(f'UPDATE "{table.name}" SET {values} FROM {from_}', _as_json(table, names))  # noqa: S608 - our own names
    values = ", ".join(f'"{name}" = ?' for name in others)
    pack = _as_tuples(table, (*others, key))
    return _Plan(f'UPDATE "{table.name}" SET {values} WHERE "{key}" = ?', pack)  # noqa: S608 - our own names


def _recordset(table: Table, names: Sequence[str]) -> str:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    kinds = [(name, table.c[name].type) for name in names]
    types = ", ".join(f'"{name}" {"TEXT" if isinstance(kind, JSON) else kind.compile(dialect)}' for name, kind in kinds)
    return f"json_to_recordset(%s) AS given({types})"


def _given(table: Table, name: str) -> str:
    # JSON within JSON travels as text, so that it is neither taken apart here nor put together again there.
    return f'given."{name}"::json' if isinstance(table.c[name].type, JSON) else f'given."{name}"'


def _as_json(table: Table, names: Sequence[str]) -> Callable[[Rows], tuple[str]]:
    """Return what turns rows into the one JSON text PostgreSQL is given."""
    columns = _columns(table, names, datetime.isoformat)

    def pack(rows: Rows) -> tuple[str]:
        return (json.dumps([dict(zip(names, row, strict=True)) for row in columns(rows)]),)

    return pack


def _as_tuples(table: Table, names: Sequence[str]) -> Callable[[Rows], list[tuple[Any, ...]]]:
    """Return what turns rows into the values SQLite keeps."""
    columns = _columns(table, names, _moment)
    return lambda rows: list(columns(rows))


def _columns(
    table: Table, names: Sequence[str], moment: Callable[[datetime], str]
) -> Callable[[Rows], Iterator[tuple[Any, ...]]]:
    """Return what turns rows into plain values: column by column, which is quicker than row by row."""
    kinds = [(itemgetter(name), _packer(table, name, moment)) for name in names]

    def turned(rows: Rows) -> Iterator[tuple[Any, ...]]:
        whole = [map(get, rows) if turn is None else map(turn, map(get, rows)) for get, turn in kinds]
        return zip(*whole, strict=True)

    return turned


def _packer(table: Table, name: str, moment: Callable[[datetime], str]) -> Callable[[Any], Any] | None:
    match table.c[name].type:
        case Instant():
            return lambda value: None if value is None else moment(value)
        case JSON():
            return _json
        case _:
            return None


def _moment(at: datetime) -> str:
    """Write a moment as SQLAlchemy does in SQLite."""
    return (at if at.tzinfo is UTC else at.astimezone(UTC)).isoformat(" ", "microseconds")[:26]


def _json(value: Any) -> str:
    return value.text if isinstance(value, Raw) else json.dumps(value)
