"""The database: one set of tables, SQLite by default and PostgreSQL by the same code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Connection, DateTime, Engine, Integer, MetaData, Table, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Dialect, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

from config.hosts import is_loopback
from server.errors import ServerError

BUSY_TIMEOUT_MS = 10_000
_ASKED_FOR = ("verify-full", "verify-ca", "disable")  # libpq's own default falls back to plain text by itself

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Counter = BigInteger().with_variant(Integer, "sqlite")
"""A key that counts up by itself: SQLite only does so for its INTEGER."""


class Instant(TypeDecorator[datetime]):
    """A moment in UTC; always comes back aware, on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()}: a moment needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Database:
    """Two views of one pool: `read` for anybody, `write` for the writer thread (it takes SQLite's lock at BEGIN)."""

    read: Engine
    write: Engine

    def close(self) -> None:
        self.read.dispose()


def connect(address: str) -> Database:
    """Open the database at an SQLAlchemy address, e.g. `sqlite:////var/lib/campus/campus.db`."""
    try:
        url = make_url(address)
    except ArgumentError as e:  # its text is not shown: it may hold a password
        raise ServerError("database: is not a database address: write postgresql://USER@HOST/NAME") from e
    match url.get_backend_name():
        case "sqlite":
            # The last one given back first: each that is used fills a page cache of its own.
            engine = create_engine(url, pool_size=16, max_overflow=16, pool_use_lifo=True)
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        case "postgresql":
            _check_link(url)
            engine = create_engine(url.set(drivername="postgresql+psycopg"), pool_size=16, pool_pre_ping=True)
        case other:
            raise ServerError(f"database: {other!r} is not supported: use sqlite or postgresql")
    return Database(read=engine, write=engine.execution_options(campus_write=True))


def _check_link(url: URL) -> None:
    """Refuse a link over the network whose other end is not verified, unless no TLS is asked for by name."""
    host, mode = url.host or "", url.query.get("sslmode")
    if not host or host.startswith("/") or is_loopback(host) or mode in _ASKED_FOR:
        return
    raise ServerError(
        f"database: {host} is reached over the network: add ?sslmode=verify-full&sslrootcert=FILE to its address,"
        " or ?sslmode=disable if no TLS is meant"
    )


def sqlite_address(file: Path) -> str:
    """Return the SQLAlchemy address of an SQLite file."""
    return f"sqlite:///{file.absolute()}"


def insert_new(connection: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert one row unless a unique constraint already holds it; tell whether it was new."""
    build = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = build(table).values(**values).on_conflict_do_nothing()
    # psycopg's row count of an INSERT is forgotten unless it is asked for.
    return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount == 1


def upsert(connection: Connection, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Insert the row with this primary key, or update it."""
    build = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = build(table).values(**key, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=dict(values)))


def last_given(connection: Connection, table: Table) -> int:
    """Return the number after which the writer may count on for this table's key.

    PostgreSQL's sequence gives one number at a time, which is then taken by its plus one; SQLite, whose only writer
    holds the lock, tells the highest one ever given (AUTOINCREMENT keeps it, and takes over one that is inserted).
    """
    if connection.dialect.name == "postgresql":
        (key,) = table.primary_key.columns
        given = text("SELECT nextval(pg_get_serial_sequence(:table, :key))")
        return int(connection.execute(given, {"table": table.name, "key": key.name}).scalar_one()) - 1
    given = text("SELECT seq FROM sqlite_sequence WHERE name = :table")
    return int(connection.execute(given, {"table": table.name}).scalar() or 0)


def _prepare_sqlite(raw: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # SQLAlchemy's own recipe: sqlite3 must not open transactions behind our back, BEGIN is ours (below).
    raw.isolation_level = None
    cursor = raw.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_TIMEOUT_MS}", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer that takes the lock only at its first write can fail half-way (SQLITE_BUSY cannot be waited out then).
    immediate = connection.get_execution_options().get("campus_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
