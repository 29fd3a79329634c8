"""What is about people is kept as long as it must be and no longer; of pupils nothing is kept but numbers."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select

from config import ConfigError, read
from config.school import ClassSection, SchoolConfig
from config.server import KeepSection, ServerConfig
from server import retention
from server.accounts.audit import note
from server.accounts.tables import audit
from server.changes import announce, changes, head
from server.database import Database, connect, sqlite_address
from server.ingest.tables import quarantine
from server.migrate import migrate
from server.presence.tables import epochs
from server.push.tables import push_targets
from server.retention import MOST_QUARANTINED, forget_changes, prune
from server.tables import metadata

NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = connect(sqlite_address(tmp_path / "campus.db"))
    migrate(made)
    yield made
    made.close()


def put_aside(connection: Connection, at: datetime, count: int = 1) -> None:
    row = {"received_at": at, "topic": "t", "reason": "r", "payload": b""}
    connection.execute(insert(quarantine), [row] * count)


def test_what_is_over_goes_is_counted_and_what_is_not_stays(database: Database) -> None:
    with database.write.begin() as connection:
        for days in (4000, 731, 729, 182, 0):
            note(connection, NOW - timedelta(days=days), "门卫", "login")
        for days in (0, 29, 31):
            put_aside(connection, NOW - timedelta(days=days))
        assert prune(connection, KeepSection(), NOW) == {"audit": 2, "quarantine": 1}
        assert connection.execute(select(func.count()).select_from(quarantine)).scalar() == 2
        said = connection.execute(select(audit.c.by, audit.c.text).where(audit.c.action == "retention")).all()
    assert [tuple(row) for row in said] == [("(server)", "2 of audit, 1 of quarantine; the audit begins at line 3")]


def test_a_number_put_aside_counts_as_come_until_all_before_it_have(database: Database) -> None:
    outbox = {"site": "s1", "agent": "pi-1", "epoch": "e1"}
    row = outbox | {"received_at": NOW - timedelta(days=40), "topic": "t", "reason": "r", "payload": b""}
    with database.write.begin() as connection:
        connection.execute(insert(epochs), [outbox | {"contiguous": 5, "first_seen_at": NOW}])
        connection.execute(insert(quarantine), [row | {"seq": 5}, row | {"seq": 7}])
        assert prune(connection, KeepSection(), NOW) == {"quarantine": 1}
        assert connection.execute(select(quarantine.c.seq)).scalars().all() == [7]


def test_nothing_over_says_nothing(database: Database) -> None:
    with database.write.begin() as connection:
        note(connection, NOW, "门卫", "login")
        assert prune(connection, KeepSection(), NOW) == {}
        assert connection.execute(select(func.count()).select_from(audit)).scalar() == 1


def test_nonsense_cannot_fill_the_disk(database: Database) -> None:
    with database.write.begin() as connection:
        put_aside(connection, NOW, MOST_QUARANTINED + 7)
        assert prune(connection, KeepSection(), NOW) == {"quarantine": 7}


def test_an_audit_of_less_than_the_law_asks_for_is_refused() -> None:
    with pytest.raises(ConfigError, match="audit_days"):
        read(b'data = "/x"\n[keep]\naudit_days = 90\n', ServerConfig, "server.toml")


def test_no_table_has_a_place_for_a_pupils_name_picture_or_number() -> None:
    words = ("pupil", "student", "child", "photo", "picture", "image", "face", "id_number", "birthday", "parent")
    found = [str(column) for table in metadata.tables.values() for column in table.columns
             if any(word in column.name for word in words)]  # fmt: skip
    assert found == ["plans.image"]  # a building's floor plan


def test_a_class_is_numbers_and_refuses_names() -> None:
    assert not {"pupils", "names", "students", "roster"} & set(ClassSection.model_fields)
    example = Path(__file__).parent.parent / "config" / "school.example.toml"
    text = example.read_text(encoding="utf-8").replace("[[class]]", '[[class]]\npupils = ["某同学"]', 1)
    assert "pupils" in str(tomllib.loads(text))
    with pytest.raises(ConfigError, match="pupils: unknown key"):
        read(text.encode(), SchoolConfig, "school.toml")


def announced(connection: Connection, days: Sequence[float]) -> None:
    for one in days:
        announce(connection, NOW - timedelta(days=one), "alert", "s1", {})


def numbers(connection: Connection) -> list[int]:
    return list(connection.execute(select(changes.c.n).order_by(changes.c.n)).scalars())


def test_the_change_feed_goes_by_age_and_its_numbers_go_on(database: Database) -> None:
    cut = NOW - timedelta(days=30)
    with database.write.begin() as connection:
        announced(connection, [90, 60, 31, 29, 31, 1])
        assert forget_changes(connection, cut, ()) == 3
        assert forget_changes(connection, cut, ()) == 0
        assert numbers(connection) == [4, 5, 6], "what is young ends it: nothing goes from the middle"
        assert forget_changes(connection, NOW + timedelta(days=9), ()) == 2
        assert head(connection) == 6
        assert announce(connection, NOW, "alert", "s1", {}) == 7


def test_what_a_push_in_use_was_not_told_yet_stays(database: Database) -> None:
    with database.write.begin() as connection:
        announced(connection, [90, 90, 90, 90])
        connection.execute(insert(push_targets), [{"id": "duty", "n": 2}, {"id": "taken-out-of-use", "n": 0}])
        assert forget_changes(connection, NOW, ("duty",)) == 2
        assert numbers(connection) == [3, 4]


def test_a_large_feed_goes_in_pieces(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "MOST_CHANGES", 3)
    with database.write.begin() as connection:
        announced(connection, [40] * 8)
        assert [forget_changes(connection, NOW, ()) for _ in range(4)] == [3, 3, 1, 0]
