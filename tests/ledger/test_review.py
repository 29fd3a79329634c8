"""The 周研判: hazard by hazard in place, nothing left over, minutes kept, the duty ticked, the papers complete."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ledger_clock import NOW, Clock
from openpyxl import load_workbook
from sqlalchemy import insert
from test_ledger_api import Campus, Client, campus_on, sentence

from server.accounts.permissions import Role
from server.database import Database
from server.duties.tables import subjects
from server.ledger.sensors import Ledger

WEEK = "2026-W19"  # of NOW
WHOLE = {
    "category": "fire", "grade": "general", "layer": "school-dated", "term": "dated", "responsible": "网格员甲",
    "measures": "更换灭火器", "interim": "设警示牌", "deadline": (NOW + timedelta(days=3)).isoformat(), "place": "食堂",
}  # fmt: skip
MINUTES = {"host": "李安全", "present": "王校长、网格员甲", "minutes": "逐条研判。"}


@pytest.fixture
def campus(database: Database, ledger: Ledger, clock: Clock, tmp_path: Path) -> Iterator[Campus]:
    school = {"site": "yx-1", "kind": "school", "id": "yx-1", "name": "示例中学", "stage": "middle", "boarding": False}
    with database.write.begin() as connection:
        connection.execute(insert(subjects).values(**school, person="", since=NOW - timedelta(days=60)))
    with campus_on(database, ledger, clock, tmp_path) as made:
        yield made


def reported(who: Client, text: str, **more: Any) -> int:
    answer = who.post("/api/v1/hazards", json={"description": text, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def seen(who: Client, week: str = "") -> dict[str, Any]:
    answer = who.get(f"/api/v1/reviews/{week}" if week else "/api/v1/reviews")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_week_is_judged_hazard_by_hazard_and_concluded_with_its_minutes(campus: Campus) -> None:
    safety = campus.as_(Role.SAFETY)
    first, second = reported(safety, "灭火器过期"), reported(safety, "井盖破损", place="操场", category="building")
    before = seen(safety)
    assert (before["week"], [one["entry"]["id"] for one in before["undecided"]]) == (WEEK, [first, second])
    assert "明确责任人" in before["undecided"][0]["lacking_text"]

    half = safety.post(f"/api/v1/reviews/{WEEK}/entries/{first}", json={"version": 1, **WHOLE, "measures": ""})
    assert "明确措施" in sentence(half, 422)
    assert safety.get(f"/api/v1/hazards/{first}").json()["state"] == "found"  # whole or not at all

    after = safety.post(f"/api/v1/reviews/{WEEK}/entries/{first}", json={"version": 1, **WHOLE}).json()
    assert [one["entry"]["id"] for one in after["undecided"]] == [second]
    assert [(one["id"], one["state"], one["responsible"]) for one in after["decided"]] == [
        (first, "judged", "网格员甲")
    ]
    story = safety.get(f"/api/v1/hazards/{first}").json()["story"]
    assert [row["action"] for row in story] == ["open", "register", "judge"]

    kept = safety.put(f"/api/v1/reviews/{WEEK}", json={"version": 0, **MINUTES}).json()
    early = safety.post(f"/api/v1/reviews/{WEEK}/conclude", json={"version": kept["version"]})
    assert "还有 1 条" in sentence(early, 409)
    safety.post(
        f"/api/v1/hazards/{second}/false-alarm", json={"version": 1, "false_cause": "mistake", "reason": "看错"}
    )
    over = safety.post(f"/api/v1/reviews/{WEEK}/conclude", json={"version": kept["version"]})
    assert over.status_code == 200, over.text
    assert over.json()["concluded_by"] == "safety@yx-1"

    (duty,) = [task for task in safety.get("/api/v1/duties").json() if task["duty"] == "M02"]
    assert (duty["slot"], duty["standing"]) == (WEEK, "met")
    pack = safety.get(f"/api/v1/hazards/packs/week?day={NOW.date()}").json()
    assert (pack["minutes"], [one["id"] for one in pack["decided"]]) == ("逐条研判。", [first])
    book = load_workbook(io.BytesIO(safety.get("/api/v1/hazards/packs/week/export").content))
    assert {"会议", "本周研判结果", "待研判"} <= set(book.sheetnames)
    assert ["会议纪要", "逐条研判。"] in [[cell.value for cell in row[:2]] for row in book["会议"].rows]


def test_the_second_of_two_writers_is_told_and_what_is_concluded_stays(campus: Campus) -> None:
    safety, principal = campus.as_(Role.SAFETY), campus.as_(Role.PRINCIPAL)
    path = f"/api/v1/reviews/{WEEK}"
    assert safety.put(path, json={"version": 0, **MINUTES}).json()["version"] == 1
    late = principal.put(path, json={"version": 0, "minutes": "我写的"})
    assert "没有覆盖" in sentence(late, 409)
    assert seen(principal)["minutes"] == "逐条研判。"
    stale = principal.post(f"{path}/conclude", json={"version": 0})
    assert stale.status_code == 409
    assert principal.post(f"{path}/conclude", json={"version": 1}).status_code == 200
    assert safety.put(path, json={"version": 2, **MINUTES}).status_code == 409
    assert safety.post(f"{path}/conclude", json={"version": 2}).status_code == 409


@pytest.mark.parametrize(
    ("role", "path", "body", "status", "says"),
    [
        pytest.param(Role.GRID, f"{WEEK}/conclude", {"version": 0}, 403, "no permission", id="not a grid member's"),
        pytest.param(Role.SAFETY, "2026-W54/conclude", {"version": 0}, 422, "没有这一周", id="no such week"),
        pytest.param(Role.SAFETY, "2026-W40/conclude", {"version": 0}, 409, "还没有开始", id="a week to come"),
        pytest.param(Role.SAFETY, f"{WEEK}/conclude", {"version": 0}, 422, "还缺 主持人", id="without minutes"),
        pytest.param(Role.CITY, f"{WEEK}/conclude", {"version": 0}, 422, "请指明学校", id="of no school"),
        pytest.param(Role.SAFETY, f"{WEEK}/entries/99", {"version": 1}, 404, "没有第 99 号", id="no such entry"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    campus: Campus, role: Role, path: str, body: dict[str, Any], status: int, says: str
) -> None:
    answer = campus.as_(role).post(f"/api/v1/reviews/{path}", json=body)
    assert says in sentence(answer, status)


def test_a_meeting_after_its_week_ticks_that_week_and_not_the_present_one(campus: Campus) -> None:
    safety = campus.as_(Role.SAFETY)
    assert safety.put("/api/v1/reviews/2026-W18", json={"version": 0, **MINUTES}).status_code == 200
    assert safety.post("/api/v1/reviews/2026-W18/conclude", json={"version": 1}).status_code == 200
    (duty,) = [task for task in safety.get("/api/v1/duties").json() if task["duty"] == "M02"]
    assert (duty["slot"], duty["standing"] == "met") == (WEEK, False)


def test_a_foreign_school_and_a_part_of_one_hold_no_review(campus: Campus) -> None:
    theirs = reported(campus.as_(Role.SAFETY, "yx-2"), "外校的")
    safety = campus.as_(Role.SAFETY)
    answer = safety.post(f"/api/v1/reviews/{WEEK}/entries/{theirs}", json={"version": 1, **WHOLE})
    assert answer.status_code == 404
    part = campus.as_(Role.SAFETY, "", "yx-1/食堂", name="只看食堂")
    assert part.get("/api/v1/reviews").status_code == 403
    county = campus.as_(Role.COUNTY, "", "yx-1", "yx-3", name="县局甲")
    assert county.get("/api/v1/reviews?site=yx-2").status_code == 403
