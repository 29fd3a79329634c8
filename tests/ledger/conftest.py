"""The ledger's tests run on SQLite and on a PostgreSQL of their own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from ledger_clock import Clock
from sqlalchemy import text

from server.database import Database, connect, sqlite_address
from server.ledger.judgement import load_judgement
from server.ledger.sensors import Ledger
from server.migrate import migrate


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(clock: Clock) -> Ledger:
    return Ledger(load_judgement(), clock)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL cluster made for these tests; it holds a migrated database `model`."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("no PostgreSQL server on this machine: apt install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="cw-pg-", dir="/tmp"))
    as_user: list[str] = []
    if os.getuid() == 0:  # PostgreSQL refuses to run as root
        as_user = ["runuser", "-u", "postgres", "--"]
        os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    control = [*as_user, str(found[-1].parent / "pg_ctl"), "-D", str(folder / "db"), "-w", "-t", "60"]
    initdb = [*as_user, str(found[-1]), "-D", str(folder / "db"), "-U", "campus", "-A", "trust"]
    _run([*initdb, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"])
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    _run([*control, "-l", str(folder / "log"), "-o", options, "start"])
    address = f"postgresql://campus@127.0.0.1:{port}/"
    try:
        _create(address, "model", "template1")
        database = connect(address + "model")
        migrate(database)
        database.write.dispose()
        yield address
    finally:
        _run([*control, "-m", "immediate", "stop"])
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_addresses(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """A maker of addresses of databases that hold nothing at all, of either kind."""
    if request.param == "sqlite":
        return lambda: sqlite_address(tmp_path / f"{uuid.uuid4().hex}.db")
    return partial(_empty, request.getfixturevalue("postgresql"))


@pytest.fixture
def empty_postgresql(postgresql: str) -> Callable[[], str]:
    """A maker of addresses of empty PostgreSQL databases."""
    return partial(_empty, postgresql)


def _empty(address: str) -> str:
    name = f"e{uuid.uuid4().hex}"
    _create(address, name, "template1")
    return address + name


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A migrated, empty database, once of each kind."""
    if request.param == "sqlite":
        database = connect(sqlite_address(tmp_path / "ledger.db"))
        migrate(database)
    else:
        address = request.getfixturevalue("postgresql")
        name = f"t{uuid.uuid4().hex}"
        _create(address, name, "model")
        database = connect(address + name)
    yield database
    database.close()
    database.write.dispose()


def _create(address: str, name: str, template: str) -> None:
    admin = connect(address + "postgres")
    with admin.write.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(f"create database {name} template {template}"))
    admin.write.dispose()


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")
