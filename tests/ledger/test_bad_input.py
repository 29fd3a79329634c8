"""Bad input over the API: the right status, one clear sentence, and nothing of it stored."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from ledger_clock import Clock
from test_ledger_api import FOUND, Campus, campus_on, sentence

from server.accounts.permissions import Role
from server.database import Database
from server.ledger.entry import State
from server.ledger.machine import TRANSITIONS
from server.ledger.sensors import Ledger

HAZARDS = "/api/v1/hazards"


@pytest.fixture
def campus(database: Database, ledger: Ledger, clock: Clock, tmp_path: Path) -> Iterator[Campus]:
    with campus_on(database, ledger, clock, tmp_path) as made:
        yield made


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        pytest.param({"description": ""}, 422, "还缺 描述", id="no description"),
        pytest.param({"description": "   "}, 422, "还缺 描述", id="only spaces"),
        pytest.param({"description": "a\0b"}, 422, "不能保存的字符", id="NUL"),
        pytest.param({"place": "x" * 201}, 422, "部位：太长（201 字，最多 200 字）", id="too long a place"),
        pytest.param({"description": "长" * 4001}, 422, "描述：太长", id="too long a description"),
        pytest.param({"category": "dragons"}, 422, "类别：没有“dragons”，可选", id="no such category"),
        pytest.param({"source": "rumour"}, 422, "没有“rumour”", id="no such source"),
        pytest.param({"found_at": "1970-01-01T00:00:00Z"}, 422, "发现时间 1970-01-01 不对", id="1970"),
        pytest.param({"found_at": "2100-01-01T00:00:00Z"}, 422, "发现时间 2100-01-01 不对", id="2100"),
        pytest.param({"found_at": "昨天"}, 422, "found_at", id="a date in words"),
        pytest.param({"site": "x" * 41}, 422, "site", id="too long a site"),
        pytest.param({"description": 7}, 422, "description", id="a number for a text"),
    ],
)
def test_a_report_that_cannot_be_is_refused(campus: Campus, fields: dict[str, Any], status: int, words: str) -> None:
    safety = campus.as_(Role.SAFETY)
    assert words in sentence(safety.post(HAZARDS, json={**FOUND, **fields}), status)
    assert safety.get(HAZARDS).json()["items"] == []


def test_emoji_rare_characters_and_formulas_stay_what_they_are(campus: Campus) -> None:
    safety = campus.as_(Role.SAFETY)
    for words in (
        "📦🔥",
        "𠮷𫍽𪚥",
        "=1+1",
        "@SUM(A1)",
        "<script>alert(1)</script>",
        "'; DROP TABLE hazards; --",
        "\u202e反",
    ):
        made = safety.post(HAZARDS, json={**FOUND, "description": words})
        assert (made.status_code, made.json()["description"]) == (201, words)


def test_an_upload_of_200_mb_is_refused_before_it_is_read(campus: Campus) -> None:
    safety, read = campus.as_(Role.SAFETY), list[int]()

    async def flood() -> AsyncIterator[bytes]:
        for n in range(200):
            read.append(n)
            yield b"x" * 1_000_000

    for path in (f"{HAZARDS}/import", "/api/v1/duties/calendar/import?year=2026"):
        read.clear()
        assert "文件太大" in sentence(safety.post(path, content=flood()), 413)
        claimed = safety.post(path, content=b"x", headers={"Content-Length": "200000000"})
        assert "文件太大" in sentence(claimed, 413)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_step_that_does_not_exist_from_a_state_is_refused_with_its_sentence(campus: Campus) -> None:
    safety = campus.as_(Role.SAFETY)
    hazard = safety.post(HAZARDS, json=FOUND).json()["id"]
    allowed = {t.action for t in TRANSITIONS if State.FOUND in t.sources}
    for transition in TRANSITIONS:
        if transition.action in allowed:
            continue
        answer = safety.post(f"{HAZARDS}/{hazard}/{transition.action}", json={"version": 1})
        assert f"现在是“发现”，不能“{transition.zh}”" in sentence(answer, 409)
    assert safety.get(f"{HAZARDS}/{hazard}").json()["version"] == 1


@pytest.mark.parametrize(
    ("path", "words"),
    [
        pytest.param("?limit=0", "limit", id="no rows"),
        pytest.param("?limit=100000", "limit", id="too many rows"),
        pytest.param("?sort=password", "sort", id="an unknown column"),
        pytest.param("?after=@@@", "翻页位置无效", id="a cursor of one's own"),
        pytest.param("?register=1970", "register", id="1970"),
        pytest.param("?q=" + "x" * 101, "q", id="too long a search"),
    ],
)
def test_a_list_asked_for_wrongly_says_what_is_wrong(campus: Campus, path: str, words: str) -> None:
    assert words in sentence(campus.as_(Role.SAFETY).get(HAZARDS + path), 422)


def test_a_second_writer_is_told_and_nothing_is_overwritten(campus: Campus) -> None:
    one, two = campus.as_(Role.SAFETY), campus.as_(Role.PRINCIPAL)
    hazard = one.post(HAZARDS, json=FOUND).json()["id"]
    assert one.post(f"{HAZARDS}/{hazard}/edit", json={"version": 1, "place": "东门"}).status_code == 200
    late = two.post(f"{HAZARDS}/{hazard}/edit", json={"version": 1, "place": "西门"})
    assert "别人刚刚修改过，请刷新后重做（没有覆盖任何内容）" in sentence(late, 409)
    assert one.get(f"{HAZARDS}/{hazard}").json()["place"] == "东门"
