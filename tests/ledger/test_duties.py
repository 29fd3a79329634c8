"""Duties: which days count, what is due when, what ticks it, what a miss does."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from ledger_clock import NOW, Clock
from sqlalchemy import insert, select

from config import ConfigError
from config.duties import Duty
from server.accounts import users
from server.accounts.permissions import Role
from server.accounts.reach import Reach
from server.database import Database
from server.duties import calendar as school
from server.duties import upkeep
from server.duties.ical import feed
from server.duties.plan import load_plan
from server.duties.records import Deed, fulfil, record
from server.duties.slots import slots
from server.duties.tables import notices, subjects
from server.duties.tasks import Standing, Task, tasks
from server.ledger.guards import MissingError
from server.ledger.sensors import Ledger
from server.ledger.tables import hazards

PLAN = load_plan()
ZONE = timezone(timedelta(hours=8))
D = date.fromisoformat


@pytest.mark.parametrize(
    ("day", "taught"),
    [
        pytest.param("2026-05-07", True, id="a Thursday in term"),
        pytest.param("2026-05-01", False, id="a holiday"),
        pytest.param("2026-05-09", True, id="a Saturday taught in exchange"),
        pytest.param("2026-05-10", False, id="a Sunday"),
        pytest.param("2026-02-28", False, id="a day worked in exchange before term begins"),
        pytest.param("2026-08-03", False, id="the summer vacation"),
        pytest.param("2026-09-20", True, id="a Sunday taught for the national holiday"),
        pytest.param("2027-03-02", True, id="the next year is there too"),
    ],
)
def test_school_days(day: str, taught: bool) -> None:  # noqa: FBT001
    assert school.school_day(PLAN.calendar, D(day)) is taught


def test_boarders_make_a_weekend_a_school_day() -> None:
    calendar = PLAN.calendar.model_copy(update={"boarding_weekends": (D("2026-05-16"),)})
    assert school.school_day(calendar, D("2026-05-16"), boarding=True)
    assert not school.school_day(calendar, D("2026-05-16"))


@pytest.mark.parametrize(
    ("duty", "first", "last", "keys"),
    [
        pytest.param("M01", "2026-04-30", "2026-05-10",
                     ["2026-04-30", "2026-05-06", "2026-05-07", "2026-05-08", "2026-05-09"], id="each school day"),
        pytest.param("M05b", "2026-05-04", "2026-05-17", ["2026-05-09", "2026-05-15"],
                     id="the last school day of a week, which 调休 moves to Saturday"),
        pytest.param("M05c", "2026-04-01", "2026-06-30",
                     ["2026-04-03-清明节", "2026-04-30-劳动节", "2026-06-18-端午节"], id="before each holiday"),
        pytest.param("M05c", "2026-07-01", "2026-07-31", ["2026-07-10-假期"], id="before the vacation"),
        pytest.param("M02", "2026-02-16", "2026-03-08", ["2026-W10"], id="a week without school has no judgement"),
        pytest.param("M13a", "2026-06-01", "2026-09-30", ["2026-06", "2026-07", "2026-09"], id="no drill in August"),
        pytest.param("M15a", "2026-03-30", "2026-04-12", ["2026-W14", "2026-W15"], id="from April"),
        pytest.param("M15a", "2026-11-02", "2026-11-08", [], id="not in November"),
        pytest.param("M09", "2026-01-01", "2026-12-31", ["2026-Q1", "2026-Q2", "2026-Q3", "2026-Q4"], id="quarters"),
        pytest.param("M08b", "2026-05-07", "2026-05-07", ["2025-2026-2"], id="the term"),
        pytest.param("M08a", "2026-05-07", "2026-05-07", ["2026"], id="the year"),
        pytest.param("M17", "2026-01-01", "2026-12-31", [], id="what has no period has no slot"),
    ],
)  # fmt: skip
def test_slots(duty: str, first: str, last: str, keys: list[str]) -> None:
    found = PLAN.duties.duty(duty)
    assert found is not None
    assert [s.key for s in slots(found, PLAN.calendar, D(first), D(last), ZONE)] == keys


def test_rain_lets_off_what_is_marked() -> None:
    rain = {"exemptions": ({"day": D("2026-05-07"), "reason": "暴雨"},)}
    calendar = type(PLAN.calendar).model_validate({**PLAN.calendar.model_dump(), **rain})
    outdoors = Duty(id="X1", zh="室外演练", period="school-day", rain_exempt=True)
    assert [s.key for s in slots(outdoors, calendar, D("2026-05-06"), D("2026-05-08"), ZONE)] == [
        "2026-05-06",
        "2026-05-08",
    ]


def test_a_further_campaign_is_one_block_of_data(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    own = tmp_path / "config" / "duties.toml"
    own.write_text('name = "N"\n[[duties]]\nid = "N1"\nzh = "燃气专项"\nperiod = "month"\n', encoding="utf-8")
    assert [d.id for d in load_plan(tmp_path).duties.duties] == ["N1"]
    own.write_text('name = "N"\n[[duties]]\nid = "N1"\nzh = "x"\nperiod = "fortnight"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match='duties "N1", period'):
        load_plan(tmp_path)


def _school(database: Database, **fields: Any) -> None:
    row = {"site": "yx-1", "kind": "school", "id": "yx-1", "name": "一中", "since": NOW - timedelta(hours=6), **fields}
    with database.write.begin() as connection:
        connection.execute(insert(subjects).values(row))


def _task(database: Database, duty: str, now: datetime) -> Task:
    with database.read.connect() as connection:
        day = now.astimezone(ZONE).date()
        (found,) = [t for t in tasks(connection, PLAN, ("yx-1",), day, day, now) if t.duty.id == duty]
    return found


@pytest.mark.parametrize(
    ("local", "standing"),
    [
        pytest.param("09:00", Standing.OPEN, id="in the morning"),
        pytest.param("16:30", Standing.WARNED, id="at the reminder"),
        pytest.param("18:01", Standing.MISSED, id="after six"),
    ],
)
def test_the_daily_check_is_reminded_and_missed(database: Database, local: str, standing: Standing) -> None:
    _school(database)
    assert _task(database, "M01", datetime.fromisoformat(f"2026-05-07T{local}+08:00")).standing is standing


def test_an_empty_daily_check_must_say_so(database: Database) -> None:
    _school(database)
    m01 = PLAN.duties.duty("M01")
    assert m01 is not None
    with database.write.begin() as connection:
        with pytest.raises(MissingError, match="零报告"):
            record(connection, m01, Deed("yx-1", "李安全", NOW))
        record(connection, m01, Deed("yx-1", "李安全", NOW, evidence={"零报告": "是"}))
    assert _task(database, "M01", NOW + timedelta(hours=9)).standing is Standing.MET


def test_a_drill_ticks_the_monthly_drill_once(database: Database) -> None:
    _school(database, stage="primary")
    with database.write.begin() as connection:
        deed = Deed("yx-1", "演练", NOW, ref="drill/17")
        assert fulfil(connection, PLAN.duties, "drill", deed) == 2  # the kindergarten's too; no kindergarten has it
        assert fulfil(connection, PLAN.duties, "drill", deed) == 0
    task = _task(database, "M13a", NOW)
    assert (task.amount, task.standing) == (1, Standing.MET)
    with database.read.connect() as connection:
        found = tasks(connection, PLAN, ("yx-1",), NOW.date(), NOW.date(), NOW)
    assert [t for t in found if t.duty.id == "M13b"] == []


def test_five_patrols_a_day(database: Database) -> None:
    _school(database)
    with database.write.begin() as connection:
        row = {"site": "yx-1", "kind": "grid", "id": "g1", "name": "网格1", "person": "王", "since": NOW}
        connection.execute(insert(subjects).values(row))
    for n in range(5):
        assert _task(database, "M11b", NOW).standing is not Standing.MET
        with database.write.begin() as connection:
            fulfil(connection, PLAN.duties, "patrol", Deed("yx-1", "王", NOW, "g1", ref=f"button/{n}"))
    assert _task(database, "M11b", NOW).standing is Standing.MET
    grid = _task(database, "M11", NOW)
    assert (grid.bearer.name, grid.standing) == ("网格1", Standing.MET)


def test_training_behind_pro_rata_is_warned(database: Database) -> None:
    with database.write.begin() as connection:
        users.put(connection, "李安全", Role.SAFETY, "x", NOW, Reach.of("yx-1"))
    m08 = PLAN.duties.duty("M08a")
    assert m08 is not None
    assert _task(database, "M08a", NOW).standing is Standing.WARNED
    with database.write.begin() as connection:
        deed = Deed("yx-1", "李安全", NOW, "李安全", 6, {"内容": "消防", "授课人": "法治副校长"})
        record(connection, m08, deed)
        with pytest.raises(MissingError, match="数量"):
            record(connection, m08, replace(deed, amount=-1))
    assert _task(database, "M08a", NOW).standing is Standing.OPEN  # 6 of 15 by 7 May is on the way
    assert _task(database, "M08a", NOW + timedelta(days=120)).standing is Standing.WARNED


def test_a_missed_daily_check_is_told_once_and_opens_one_entry(
    database: Database, ledger: Ledger, clock: Clock
) -> None:
    _school(database)
    for hours in (3, 5, 6):  # 17:00, 19:00, 20:00
        clock.now = NOW + timedelta(hours=hours)
        with database.write.begin() as connection:
            upkeep.tick(connection, PLAN, ledger, ("yx-1",), clock.now)
    with database.read.connect() as connection:
        kinds = select(notices.c.kind, notices.c.hazard).where(notices.c.duty == "M01", notices.c.slot == "2026-05-07")
        assert {(r.kind, r.hazard) for r in connection.execute(kinds)} == {("remind", None), ("missed", 1)}
        entry = connection.execute(select(hazards.c.source, hazards.c.description, hazards.c.count)).all()
    assert [tuple(r) for r in entry] == [("duty", "一中：日排查缺项（2026-05-07）", 1)]


def test_nothing_is_missed_from_before_the_school_was_there(database: Database, ledger: Ledger, clock: Clock) -> None:
    _school(database, since=NOW + timedelta(hours=6))
    clock.now = NOW + timedelta(hours=7)
    with database.write.begin() as connection:
        upkeep.tick(connection, PLAN, ledger, ("yx-1",), clock.now)
        assert connection.execute(select(notices).where(notices.c.kind == "missed")).all() == []


def test_my_tasks_and_their_calendar(database: Database) -> None:
    _school(database)
    with database.write.begin() as connection:
        row = {"site": "yx-1", "kind": "class", "id": "c1", "name": "初一1班", "person": "张老师", "since": NOW}
        connection.execute(insert(subjects).values(row))
        found = tasks(connection, PLAN, ("yx-1",), NOW.date(), NOW.date(), NOW, ("张老师", "teacher"))
    assert [(t.duty.id, t.bearer.name) for t in found] == [("M05a", "初一1班"), ("M15a", "一中")]
    text = feed(found, NOW)
    assert text.startswith(b"BEGIN:VCALENDAR\r\n")
    assert "SUMMARY:○ 1530：每日放学前 1 分钟 · 初一1班".encode() in text.replace(b"\r\n ", b"")
    assert all(len(line) <= 75 for line in text.split(b"\r\n"))
