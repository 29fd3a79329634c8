"""The rows of a database as files: SQLite by its own backup, PostgreSQL by COPY, both as of one moment."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import psycopg
from psycopg import sql
from sqlalchemy import Connection, text

from server.database import Database
from server.errors import ServerError
from server.ledger.tables import chains
from server.tables import metadata

SEQUENCES = "tables/sequences.json"
SQLITE = "campus.db"
VERSIONS = "alembic_version"
TIPS = f"SELECT site, n, hash FROM {chains.name} ORDER BY site"  # noqa: S608 - own name


@dataclass(frozen=True, slots=True)
class State:
    """What a database held at one moment: its revision, rows by table, and where each chain ended."""

    revision: str
    counts: dict[str, int]
    tips: dict[str, list[Any]]


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy an SQLite file while others write to it: through SQLite, since the write-ahead log holds the newest rows."""
    try:
        with closing(sqlite3.connect(source)) as rows, closing(sqlite3.connect(target)) as out:
            rows.backup(out)
            out.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
            (whole,) = out.execute("PRAGMA quick_check").fetchone()
    except sqlite3.Error as e:
        raise ServerError(f"{source}: cannot be copied: {e}") from e
    if whole != "ok":
        raise ServerError(f"{source}: is damaged: {whole}")


def fold(file: Path) -> None:
    """Take what stands in an SQLite file's write-ahead log into the file itself."""
    with closing(sqlite3.connect(file)) as old:
        old.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def sqlite_state(file: Path) -> State:
    """Look at an SQLite file nobody writes to."""
    with closing(sqlite3.connect(file)) as rows:
        names = {name for (name,) in rows.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        kept = sorted(names & metadata.tables.keys())
        counts = {name: rows.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in kept}  # noqa: S608 - own names
        revision = rows.execute(f"SELECT version_num FROM {VERSIONS}").fetchone()  # noqa: S608 - own name
        tips = _tips(rows.execute(TIPS)) if chains.name in names else {}
    return State(revision[0] if revision else "", counts, tips)


def copy_out(database: Database, folder: Path) -> State:
    """Write every table of a PostgreSQL database to `tables/NAME.copy`, all as of one moment."""
    (folder / "tables").mkdir(mode=0o700, exist_ok=True)
    snapshot = database.read.execution_options(isolation_level="REPEATABLE READ")
    counts: dict[str, int] = {}
    with snapshot.connect() as connection, connection.begin():
        raw = driver(connection)
        tables = connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename")
        )
        for name in [one for one in tables.scalars() if one != VERSIONS]:
            counts[name] = _copy_table(raw, name, folder / "tables" / f"{name}.copy")
        given = connection.execute(
            text("SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = current_schema()")
        )
        sequences = {row.sequencename: row.last_value for row in given if row.last_value is not None}
        (folder / SEQUENCES).write_text(json.dumps(sequences), encoding="utf-8")
        revision = connection.execute(text(f"SELECT version_num FROM {VERSIONS}")).scalar_one()  # noqa: S608 - own name
        tips = _tips(connection.execute(text(TIPS))) if chains.name in counts else {}
    return State(revision, counts, tips)


def copy_in(connection: Connection, folder: Path) -> None:
    """Fill the empty tables of a PostgreSQL database of the same revision, in the caller's transaction."""
    raw = driver(connection)
    order = {table.name: n for n, table in enumerate(metadata.sorted_tables)}
    files = sorted((folder / "tables").glob("*.copy"), key=lambda file: (order.get(file.stem, -1), file.stem))
    for file in files:
        with file.open("rb") as rows, raw.cursor() as cursor:
            columns = [sql.Identifier(name) for name in rows.readline().decode().split()]
            into = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(file.stem), sql.SQL(", ").join(columns))
            with cursor.copy(into) as copy:
                while chunk := rows.read(1 << 20):
                    copy.write(chunk)
    for name, last in json.loads((folder / SEQUENCES).read_text(encoding="utf-8")).items():
        connection.execute(text("SELECT setval(CAST(:name AS regclass), :last)"), {"name": name, "last": last})


def _tips(rows: Iterable[Sequence[Any]]) -> dict[str, list[Any]]:
    return {str(row[0]): [row[1], row[2]] for row in rows}


def driver(connection: Connection) -> psycopg.Connection[tuple[object, ...]]:
    """Return psycopg's own connection, for COPY."""
    return cast("psycopg.Connection[tuple[object, ...]]", connection.connection.driver_connection)


def _copy_table(raw: psycopg.Connection[tuple[object, ...]], name: str, file: Path) -> int:
    with raw.cursor() as cursor, file.open("wb") as out:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND table_name = %s AND is_generated = 'NEVER'"
            " ORDER BY ordinal_position",
            (name,),
        )
        columns = [str(row[0]) for row in cursor.fetchall()]
        out.write((" ".join(columns) + "\n").encode())
        names = sql.SQL(", ").join([sql.Identifier(column) for column in columns])
        with cursor.copy(sql.SQL("COPY {} ({}) TO STDOUT").format(sql.Identifier(name), names)) as copy:
            for chunk in copy:
                out.write(chunk)
        return cursor.rowcount
