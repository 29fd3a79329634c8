"""Finding entries: every filter, and pages that neither miss nor repeat a row."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from ledger_clock import NOW, Clock

from server.accounts.permissions import Role
from server.accounts.reach import Reach
from server.database import Database
from server.ledger.actions import Finding, act, report
from server.ledger.guards import Actor, MissingError
from server.ledger.query import Sort, Wanted, counts, page, precision, story
from server.ledger.sensors import Ledger

CITY = Actor("市局", Role.CITY)
FINDING = Finding("yx-1", "report", "灭火器过期", place="三层", category="fire")


@pytest.fixture
def filled(database: Database, ledger: Ledger, clock: Clock) -> Database:
    with database.write.begin() as connection:
        for n in range(25):
            site, category = ("yx-1", "fire") if n % 2 else ("yx-2", "water")
            found = NOW - timedelta(hours=n // 3)  # some at the same instant
            finding = replace(FINDING, site=site, category=category, place=f"第{n}处 100%_", found_at=found)
            report(connection, ledger, finding, CITY)
    clock.now = NOW + timedelta(hours=20)
    return database


@pytest.mark.parametrize("sort", ["-found_at", "found_at", "due_at", "-due_at"])
def test_pages_neither_miss_nor_repeat(filled: Database, sort: Sort) -> None:
    seen: list[int] = []
    after = ""
    with filled.read.connect() as connection:
        while True:
            found = page(connection, Wanted(), sort, after, 7)
            seen += [e.id for e in found.entries]
            if found.next is None:
                break
            after = found.next
    assert sorted(seen) == list(range(1, 26))


@pytest.mark.parametrize(
    ("wanted", "n"),
    [
        pytest.param(Wanted(), 25, id="all"),
        pytest.param(Wanted(Reach.of("yx-1")), 12, id="one school"),
        pytest.param(Wanted(Reach.of("yx-1", "yx-2"), categories=("water",)), 13, id="a category"),
        pytest.param(Wanted(Reach.of()), 0, id="no school at all"),
        pytest.param(Wanted(states=("closed",)), 0, id="a state"),
        pytest.param(Wanted(open=True, register=2026), 25, id="open in the year's register"),
        pytest.param(Wanted(overdue_at=NOW + timedelta(hours=20)), 10, id="overdue"),
        pytest.param(Wanted(found_from=NOW - timedelta(hours=1), found_to=NOW), 3, id="found between"),
        pytest.param(Wanted(text="第7处"), 1, id="a text"),
        pytest.param(Wanted(text="100%_"), 25, id="a text with signs of LIKE"),
        pytest.param(Wanted(text="' or 1=1 --"), 0, id="an injection is a text"),
    ],
)
def test_filters(filled: Database, wanted: Wanted, n: int) -> None:
    with filled.read.connect() as connection:
        assert len(page(connection, wanted, limit=100).entries) == n
        assert sum(counts(connection, wanted).values()) == n


def test_a_page_position_that_is_none_is_refused(filled: Database) -> None:
    with filled.read.connect() as connection, pytest.raises(MissingError, match="翻页位置无效"):
        page(connection, Wanted(), after="nonsense")


def test_the_story_of_an_entry_and_the_precision_of_sensors(filled: Database, ledger: Ledger) -> None:
    with filled.write.begin() as connection:
        act(connection, ledger, (1, 1), "false-alarm", {"false_cause": "dust", "reason": "粉尘"}, CITY)
        assert [row["action"] for row in story(connection, 1)] == ["open", "false-alarm"]
        assert precision(connection) == []  # no sensor found it
