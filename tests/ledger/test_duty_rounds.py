"""School calendars that are imported, patrols from checkpoints, and a drill that is declared void."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from ledger_clock import NOW, Clock
from sqlalchemy import insert, select
from test_ledger_api import Campus, campus_on, sentence

from server.accounts.permissions import Role
from server.database import Database
from server.duties.own_calendar import COLUMNS, all_own
from server.duties.plan import load_plan
from server.duties.records import Deed, fulfil, take_back
from server.duties.tables import records, subjects
from server.duties.tasks import Standing, tasks
from server.ledger.excel import workbook
from server.ledger.sensors import Ledger

PLAN = load_plan()
IMPORT = "/api/v1/duties/calendar/import?year=2026"
YEAR = [
    ("学期", "2025-2026-2", "2026-03-02", "2026-07-10"),
    ("学期", "2026-2027-1", "2026-09-01", "2027-01-22"),
    ("假期", "劳动节", "2026-05-01", "2026-05-05"),
    ("调休上课", "", "2026-05-09", ""),
    ("停课免责", "暴雨", "2026-05-07", "2026-05-08"),
]


@pytest.fixture
def campus(database: Database, ledger: Ledger, clock: Clock, tmp_path: Path) -> Iterator[Campus]:
    with campus_on(database, ledger, clock, tmp_path) as made:
        yield made


def school(campus: Campus, site: str = "yx-1") -> None:
    rows: list[dict[str, Any]] = [
        {"site": site, "kind": "school", "id": site, "name": "一中", "stage": "primary", "since": NOW},
        {"site": site, "kind": "grid", "id": "g1", "name": "网格一", "stage": "", "since": NOW},
    ]
    with campus.services.database.write.begin() as connection:
        connection.execute(insert(subjects), [{**row, "boarding": False, "person": ""} for row in rows])


def file_of(*rows: tuple[Any, ...]) -> bytes:
    return workbook("校历", COLUMNS, rows)


def test_an_imported_calendar_counts_for_its_school_and_the_bureaus_for_all_others(campus: Campus) -> None:
    safety, city = campus.as_(Role.SAFETY), campus.as_(Role.CITY)
    own = [row if row[1] != "2025-2026-2" else ("学期", "2025-2026-2", "2026-03-09", "2026-06-30") for row in YEAR]
    assert safety.post(IMPORT, content=file_of(*own)).json() == {"year": 2026, "site": "yx-1", "lines": 5}
    later = ("假期", "校庆", "2026-05-12", "2026-05-13")
    assert city.post(IMPORT, content=file_of(*YEAR, later)).json() == {"year": 2026, "site": "", "lines": 6}
    with campus.services.database.read.connect() as connection:
        found = all_own(connection, PLAN.calendar)
    assert sorted(found) == ["", "yx-1"]
    assert next(term.first for term in found["yx-1"].terms if term.first.year == 2026) == date(2026, 3, 9)
    assert {holiday.name for holiday in found[""].holidays if holiday.first.year == 2026} == {"劳动节", "校庆"}
    assert {h.name for h in found[""].holidays if h.first.year == 2027}  # another year stands as it was shipped
    shown = safety.get("/api/v1/duties/calendar?year=2026").json()
    assert [(line["kind_text"], line["first"]) for line in shown][:2] == [
        ("学期", "2026-03-09"),
        ("学期", "2026-09-01"),
    ]
    with campus.services.database.read.connect() as connection:
        day = date(2026, 5, 12)
        keys = [t.slot.key for t in tasks(connection, PLAN, ("yx-1",), day, day, NOW) if t.duty.id == "M01"]
    assert keys == []  # nobody registered the school yet


def test_what_goes_out_comes_in_again_the_same(campus: Campus) -> None:
    city = campus.as_(Role.CITY)
    out = city.get("/api/v1/duties/calendar/export?year=2026")
    assert city.post(IMPORT, content=out.content).status_code == 200
    with campus.services.database.read.connect() as connection:
        again = all_own(connection, PLAN.calendar)[""]
    for name in ("terms", "holidays"):
        before = {(one.name, one.first, one.last) for one in getattr(PLAN.calendar, name)}
        assert {(one.name, one.first, one.last) for one in getattr(again, name)} == before
    assert sorted(again.workdays) == sorted(PLAN.calendar.workdays)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        pytest.param(("学年", "x", "2026-03-02", "2026-07-10"), "第 7 行：类型“学年”看不懂", id="an unknown kind"),
        pytest.param(("假期", "", "2026-10-01", "2026-10-07"), "第 7 行：缺少名称", id="no name"),
        pytest.param(("假期", "国庆", "十月一日", ""), "第 7 行：开始“十月一日”不是日期", id="no date"),
        pytest.param(("假期", "国庆", "2026-10-07", "2026-10-01"), "早于开始", id="backwards"),
        pytest.param(("假期", "国庆", "1970-10-01", "2026-10-07"), "不在 2026 年", id="1970"),
        pytest.param(("假期", "国庆", "2100-10-01", ""), "不在 2026 年", id="2100"),
        pytest.param(("假期", "长", "2026-01-01", "2026-12-31"), "太长（最多 90 天）", id="a year of holidays"),
        pytest.param(("调休上课", "", "2026-05-12", ""), "应是周六或周日", id="a weekday is no exchange"),
        pytest.param(("学期", "又一个", "2026-06-01", "2026-07-20"), "重叠", id="terms that overlap"),
        pytest.param(("假期", "校" * 90, "2026-10-01", ""), "名称太长", id="a name that is no name"),
    ],
)
def test_a_calendar_with_a_mistake_says_which_row_and_leaves_the_old_one(
    campus: Campus, row: tuple[Any, ...], words: str
) -> None:
    safety = campus.as_(Role.SAFETY)
    before = safety.get("/api/v1/duties/calendar?year=2026").json()
    assert words in sentence(safety.post(IMPORT, content=file_of(*YEAR, row)), 422)
    assert safety.get("/api/v1/duties/calendar?year=2026").json() == before


def test_who_may_import_which_calendar(campus: Campus) -> None:
    teacher, safety = campus.as_(Role.TEACHER), campus.as_(Role.SAFETY)
    assert sentence(teacher.post(IMPORT, content=file_of(*YEAR)), 403)
    assert "yx-2：不是您所在" in sentence(safety.post(f"{IMPORT}&site=yx-2", content=file_of(*YEAR)), 403)
    assert safety.post(IMPORT, content=file_of(*YEAR)).json()["site"] == "yx-1"
    assert "不是 Excel" in sentence(safety.post(IMPORT, content=b"PK\x03\x04nonsense"), 422)
    assert "太大" in sentence(safety.post(IMPORT, content=b"x" * 1_000_001), 413)
    assert "没有“学期”行" in sentence(safety.post(IMPORT, content=file_of(*YEAR[2:])), 422)


def test_days_let_off_ask_for_no_outdoor_duty(campus: Campus, database: Database) -> None:
    school(campus)
    campus.as_(Role.SAFETY).post(IMPORT, content=file_of(*YEAR))
    with database.read.connect() as connection:
        calendar = all_own(connection, PLAN.calendar)["yx-1"]
    assert [(e.day, e.reason) for e in calendar.exemptions] == [(date(2026, 5, 7), "暴雨"), (date(2026, 5, 8), "暴雨")]


def test_a_checkpoint_is_visited_by_phone_and_ticks_the_patrols_once(campus: Campus, clock: Clock) -> None:
    school(campus)
    safety, grid = campus.as_(Role.SAFETY), campus.as_(Role.GRID)
    made = safety.post("/api/v1/duties/checkpoints", json={"name": "食堂后厨", "grid": "g1"})
    assert made.status_code == 201, made.text
    token = made.json()["token"]
    at = f"/api/v1/duties/checkpoints/{token}/visits"
    assert grid.post(at, json={"id": "0123456789abcdef"}).json() == {"name": "食堂后厨", "ticked": 2}
    assert grid.post(at, json={"id": "0123456789abcdef"}).json() == {"name": "食堂后厨", "ticked": 0}
    for n in range(4):
        clock.now += timedelta(hours=1)
        grid.post(at, json={"id": f"another-visit-{n}"})
    with campus.services.database.read.connect() as connection:
        today = {t.duty.id: t for t in tasks(connection, PLAN, ("yx-1",), NOW.date(), NOW.date(), clock.now)}
    assert (today["M11"].amount, today["M11"].standing) == (5, Standing.MET)
    assert (today["M11b"].amount, today["M11b"].standing) == (5, Standing.MET)
    assert safety.request("DELETE", f"/api/v1/duties/checkpoints/{token}").status_code == 204
    assert "二维码已作废" in sentence(grid.post(at, json={"id": "0123456789abcdef"}), 404)


def test_mistakes_with_checkpoints(campus: Campus) -> None:
    school(campus)
    safety, other = campus.as_(Role.SAFETY), campus.as_(Role.SAFETY, "yx-2")
    path = "/api/v1/duties/checkpoints"
    assert "没有网格 g9" in sentence(safety.post(path, json={"name": "x", "grid": "g9"}), 409)
    assert "1 至 80 字" in sentence(safety.post(path, json={"name": "  "}), 409)
    assert "请指明学校" in sentence(campus.as_(Role.CITY).post(path, json={"name": "x"}), 422)
    token = safety.post(path, json={"name": "后门", "grid": ""}).json()["token"]
    assert "不是您所在的学校" in sentence(other.post(f"{path}/{token}/visits", json={"id": "0123456789"}), 404)
    assert sentence(other.request("DELETE", f"{path}/{token}"), 404)
    assert "id" in sentence(safety.post(f"{path}/{token}/visits", json={"id": "x"}), 422)
    assert other.get(path).json() == []


def test_a_void_drill_unticks_its_duty_and_no_other(database: Database) -> None:
    with database.write.begin() as connection:
        for ref in ("drill_1", "drillx1"):
            assert fulfil(connection, PLAN.duties, "drill", Deed("yx-1", "演练", NOW, ref=ref)) == 2
        fulfil(connection, PLAN.duties, "patrol", Deed("yx-1", "甲", NOW, "g1", ref="drill_1"))
        assert take_back(connection, "drill", "drill_1") == 2
        assert take_back(connection, "drill", "drill_1") == 0
        left = connection.execute(select(records.c.ref).order_by(records.c.ref)).scalars().all()
    assert left == ["M11/drill_1", "M11b/drill_1", "M13a/drillx1", "M13b/drillx1"]
