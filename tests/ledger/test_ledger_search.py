"""Finding entries by any piece of text: what is found is exactly what holds the text, on both databases."""

from __future__ import annotations

import random

import pytest
from ledger_clock import Clock
from sqlalchemy import select, text

from server.accounts.permissions import Role
from server.database import Database
from server.ledger import query, search
from server.ledger.actions import Finding, act, report
from server.ledger.guards import Actor
from server.ledger.query import Wanted
from server.ledger.sensors import Ledger
from server.ledger.tables import SEARCH, hazards

CITY = Actor("市局", Role.CITY)
TEXTS = [
    "食堂后门堆放杂物", "后门食堂", "灭火器压力不足 3 kg", "Fire DOOR left open", "50% 的应急灯不亮", "a_b 与 a-b",
    "𠮷田楼 📦 箱子",
    "it's \"quoted\" \\ back", "堂食", "教学楼A-301 烟感", "Ünïcode Straße", "消　防（全角空格）", "（括号）；分号",
]  # fmt: skip
ASKED = [
    "食堂", "堂食", "食堂后门", "后门", "食", "堂", "门堆", "KG", "door", "DOOR left", "50%", "%", "_", "a_b", "a-b",
    "𠮷", "𠮷田", "📦",
    "it's", '"quoted"', "\\", "\\ b", "A-301", "a-301 烟", "不存在", "杂 物", "灭火器 kg", "nïcode", "straße",
    "（括号）",
    "消　防", "；", "YX-1-2026-0003",
    "' OR 1=1 --", "x98dfx", "* AND", "NEAR(", ":*", "& |", "!",
]  # fmt: skip


def fill(database: Database, ledger: Ledger) -> None:
    with database.write.begin() as connection:
        for words in TEXTS:
            report(connection, ledger, Finding("yx-1", "report", words, place="三号楼", category="fire"), CITY)


@pytest.mark.parametrize("asked", ASKED)
def test_what_is_found_is_what_holds_the_text(database: Database, ledger: Ledger, asked: str) -> None:
    fill(database, ledger)
    with database.read.connect() as connection:
        found = {entry.description for entry in query.page(connection, Wanted(text=asked)).entries}
        numbers = {row.description: row.number for row in connection.execute(select(hazards))}
    wanted = {words for words in TEXTS if asked.lower() in words.lower() or asked in numbers[words]}
    assert found == wanted


def test_random_pieces_of_texts_are_found(database: Database, ledger: Ledger) -> None:
    fill(database, ledger)
    dice = random.Random(11)
    with database.read.connect() as connection:
        for _ in range(150):
            words = dice.choice(TEXTS)
            start = dice.randrange(len(words))
            piece = words[start : start + dice.randrange(1, 6)].strip()
            if piece:
                found = {entry.description for entry in query.page(connection, Wanted(text=piece)).entries}
                assert words in found, piece


def test_an_edit_is_found_by_its_new_text_and_not_by_its_old(database: Database, ledger: Ledger, clock: Clock) -> None:
    assert clock.now
    fill(database, ledger)
    with database.write.begin() as connection:
        act(connection, ledger, (1, 1), "edit", {"description": "车棚电线老化"}, CITY)

    def ids(words: str) -> list[int]:
        with database.read.connect() as connection:
            return [entry.id for entry in query.page(connection, Wanted(text=words)).entries]

    assert (ids("电线"), ids("堆放"), ids("食堂")) == ([1], [], [2])
    with database.write.begin() as connection:
        assert search.rebuild(connection) == len(TEXTS)
    assert (ids("电线"), ids("堆放"), ids("食堂")) == ([1], [], [2])


def test_a_frequent_text_is_left_to_the_newest_entries_and_still_pages(
    database: Database, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MOST", 5)
    fill(database, ledger)
    with database.read.connect() as connection:
        assert search.proposed(connection, "三号楼") is None
        found: list[int] = []
        after = ""
        while True:
            page = query.page(connection, Wanted(text="三号楼"), "-found_at", after, 4)
            found += [entry.id for entry in page.entries]
            if page.next is None:
                break
            after = page.next
    assert sorted(found) == list(range(1, len(TEXTS) + 1))


def test_a_count_that_is_too_long_to_count_says_so(
    database: Database, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database, ledger)
    with database.read.connect() as connection:
        assert query.counts(connection, Wanted(text="食堂")) == {"found": 2}
        monkeypatch.setattr(query, "COUNTED", 10)
        assert query.counts(connection, Wanted()) == {"more": 10}
        assert query.counts(connection, Wanted(text="食堂")) == {"found": 2}
        monkeypatch.setattr(query, "COUNTED_OF_TEXT", 1)
        assert query.counts(connection, Wanted(text="食堂")) == {"more": 1}
        assert query.counts(connection, Wanted(text="食堂", states=("found",))) == {"more": 1}


def test_a_rolled_back_entry_leaves_nothing_in_the_index(database: Database, ledger: Ledger) -> None:
    with database.write.connect() as connection:
        with connection.begin() as began:
            report(connection, ledger, Finding("yx-1", "report", "没有发生", category="fire"), CITY)
            began.rollback()
        with connection.begin():
            assert connection.execute(text(f"SELECT count(*) FROM {SEARCH}")).scalar() == 0
