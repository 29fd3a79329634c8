"""The database: migrations from nothing and from before, one clear line for what cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import select, text

from server.changes import announce, changes, head
from server.database import Database, connect, insert_new, sqlite_address, upsert
from server.datadir import claimed
from server.errors import ServerError
from server.migrate import migrate, own
from server.tables import metadata, presence

AT = datetime(2026, 9, 1, 8, tzinfo=timezone(timedelta(hours=8)))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = connect(sqlite_address(tmp_path / "campus.db"))
    migrate(made, tmp_path / "backups")
    yield made
    made.close()


def test_the_revisions_make_exactly_the_tables_of_the_program(database: Database) -> None:
    with database.write.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts={"include_name": own}), metadata) == []


def test_sqlite_survives_a_power_cut_by_wal_and_full_sync(database: Database) -> None:
    with database.write.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1


def test_a_moment_comes_back_in_utc(database: Database) -> None:
    with database.write.begin() as connection:
        announce(connection, AT, "alert", "no1", {})
        got = connection.execute(select(changes.c.at)).scalar_one()
    assert got == AT
    assert got.utcoffset() == timedelta(0)


def test_change_numbers_are_never_given_twice(database: Database) -> None:
    with database.write.begin() as connection:
        assert [announce(connection, AT, "alert", "no1", {"i": i}) for i in range(3)] == [1, 2, 3]
        connection.execute(changes.delete())
        assert announce(connection, AT, "alert", "no1", {}) == 4
        assert head(connection) == 4


def test_the_same_row_goes_in_once(database: Database) -> None:
    row = {"site": "no1", "agent": "lab", "boot_id": "b", "first_seen_at": AT}
    with database.write.begin() as connection:
        assert [insert_new(connection, presence.boots, row) for _ in range(2)] == [True, False]


def test_an_upsert_updates_the_row_with_that_key(database: Database) -> None:
    key = {"site": "no1", "agent": "lab"}
    with database.write.begin() as connection:
        for name in ("甲", "乙"):
            upsert(connection, presence.agents, key, {"name": name, "first_seen_at": AT})
        assert connection.execute(select(presence.agents.c.name)).scalars().all() == ["乙"]


def test_a_database_of_a_newer_version_is_refused_in_one_line(tmp_path: Path, database: Database) -> None:
    with database.write.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ServerError, match=r"newer version \(revision 9999\)") as error:
        migrate(database)
    assert "\n" not in str(error.value)


def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "campus.db").write_text("not a database at all, but long enough to have a header" * 40)
    with pytest.raises(ServerError, match="file is not a database") as error:
        migrate(connect(sqlite_address(tmp_path / "campus.db")))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("address", ["mysql://x/y", "nonsense"])
def test_an_address_we_cannot_serve_is_one_line(address: str) -> None:
    with pytest.raises(ServerError, match="database: "):
        connect(address)


def test_a_second_server_on_the_same_data_directory_is_refused(tmp_path: Path) -> None:
    with (
        claimed(tmp_path / "data"),
        pytest.raises(ServerError, match="another campus-server uses it"),
        claimed(tmp_path / "data"),
    ):
        pass
    with claimed(tmp_path / "data"):
        assert datetime.now(UTC)
