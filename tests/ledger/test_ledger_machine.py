"""The machine: every way on, every guard, and everything else forbidden."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config.judgement import Field3
from server.accounts.permissions import Role
from server.accounts.reach import Reach
from server.errors import RefusedError
from server.ledger.entry import Entry, State
from server.ledger.guards import Actor, MissingError, PersonError
from server.ledger.judgement import load_judgement
from server.ledger.machine import TRANSITIONS, ForbiddenError, choices, plan
from server.ledger.timers import judge_due, notices

NOW = datetime(2026, 5, 7, 6, 0, tzinfo=UTC)  # a Thursday, 14:00 in Yuxi
JUDGEMENT = load_judgement()
SAFETY = Actor("李安全", Role.SAFETY, Reach.of("yx-1"))
PRINCIPAL = Actor("校长", Role.PRINCIPAL, Reach.of("yx-1"))
GRID = Actor("网格员", Role.GRID, Reach.of("yx-1"))
COUNTY = Actor("县局", Role.COUNTY)
FULL: dict[str, Any] = {
    "place": "三层", "category": "fire", "grade": "general", "layer": "school-now", "interim": "拉警戒线",
    "responsible": "网格员", "measures": "更换", "deadline": NOW + timedelta(days=3), "result": "已更换",
    "conclusion": "合格", "rectified_by": "网格员", "verified_by": "李安全", "assigned_at": NOW,
}  # fmt: skip


def entry(state: State = State.FOUND, **fields: Any) -> Entry:
    base = Entry(
        number="YX-1-2026-0001", site="yx-1", year=2026, register=2026, source="report", cause="yx-1/x",
        found_at=NOW, found_by="某人", description="灭火器过期", last_at=NOW, state=state,
    )  # fmt: skip
    return replace(base, **fields)


def do(before: Entry, action: str, actor: Actor = SAFETY, **fields: Any) -> Entry:
    return plan(before, action, fields, actor, JUDGEMENT, NOW)


def test_the_whole_loop_from_found_to_archived() -> None:
    e = do(entry(), "register", place="三层", category="fire")
    assert (e.state, e.registered_at) == (State.REGISTERED, NOW)
    e = do(e, "judge", grade="general", layer="school-now")
    e = do(e, "assign", responsible="网格员", measures="更换", deadline=NOW + timedelta(days=3), interim="移走")
    assert (e.due_at, e.assigned_at) == (NOW + timedelta(days=3), NOW)
    e = do(e, "start", GRID)
    e = do(e, "submit", GRID, result="已更换")
    e = do(e, "return", reason="压力不足")
    assert (e.state, e.result) == (State.RECTIFYING, "")
    e = do(e, "submit", GRID, result="再次更换")
    e = do(e, "accept", conclusion="合格")
    e = do(e, "close", PRINCIPAL)
    assert (e.state, e.open, e.closed_by) == (State.CLOSED, False, "校长")
    assert do(e, "archive").state is State.ARCHIVED


def test_every_step_that_is_not_in_the_table_is_forbidden() -> None:
    allowed = {(source, t.action) for t in TRANSITIONS for source in t.sources}
    for state in State:
        for action in {t.action for t in TRANSITIONS}:
            if (state, action) not in allowed:
                with pytest.raises(ForbiddenError, match="不能"):
                    do(entry(state, **FULL), action, COUNTY)


def test_every_role_that_is_not_in_the_table_is_refused() -> None:
    for transition in TRANSITIONS:
        for role in set(Role) - transition.roles:
            for source in transition.sources:
                with pytest.raises(ForbiddenError, match="角色"):
                    do(entry(source, **FULL), transition.action, Actor("x", role, Reach.of("yx-1")))


@pytest.mark.parametrize(
    ("before", "action", "actor", "fields", "error", "said"),
    [
        pytest.param(entry(place="a"), "register", SAFETY, {}, MissingError, "还缺 类别", id="no category"),
        pytest.param(entry(), "register", SAFETY, {"category": "x"}, MissingError, "没有“x”", id="a foreign word"),
        pytest.param(entry(), "register", SAFETY, {"funds": "1"}, MissingError, "不能填写", id="a field too early"),
        pytest.param(
            entry(State.JUDGED, **{**FULL, "layer": ""}), "assign", SAFETY, {}, MissingError, "还缺 分层", id="三分"
        ),
        pytest.param(
            entry(State.JUDGED, **{**FULL, "measures": " "}), "assign", SAFETY, {}, MissingError, "明确措施",
            id="三明确"
        ),
        pytest.param(
            entry(State.JUDGED, **{**FULL, "interim": ""}), "assign", SAFETY, {}, MissingError, "临时防护", id="interim"
        ),
        pytest.param(
            entry(State.JUDGED, **{**FULL, "grade": "major"}), "assign", SAFETY, {}, MissingError, "资金、预案",
            id="major without money and plan",
        ),
        pytest.param(
            entry(State.JUDGED, **{**FULL, "deadline": NOW}), "assign", SAFETY, {}, MissingError, "已经过去",
            id="a deadline in the past",
        ),
        pytest.param(
            entry(State.JUDGED, **{**FULL, "grade": "major"}), "judge", PRINCIPAL, {"grade": "general"}, PersonError,
            "不能自行降级", id="a school downgrades a major hazard",
        ),
        pytest.param(
            entry(State.REGISTERED, clause="exit-blocked", category="fire"), "judge", SAFETY,
            {"grade": "general", "layer": "county"}, MissingError, "只能是重大", id="a clause decides the grade",
        ),
        pytest.param(
            entry(State.SUBMITTED, **{**FULL, "rectified_by": "李安全"}), "accept", SAFETY, {}, PersonError,
            "不能是整改责任人", id="the rectifier verifies",
        ),
        pytest.param(
            entry(State.SUBMITTED, **{**FULL, "responsible": "李安全"}), "accept", SAFETY, {}, PersonError,
            "不能是整改责任人", id="the responsible person verifies",
        ),
        pytest.param(
            entry(State.ACCEPTED, **{**FULL, "verified_by": ""}), "close", SAFETY, {}, MissingError, "没有由他人验收",
            id="closed without a verifier",
        ),
        pytest.param(
            entry(), "false-alarm", SAFETY, {"reason": "灰"}, MissingError, "误报原因", id="a false alarm without cause"
        ),
        pytest.param(
            entry(grade="major"), "false-alarm", SAFETY, {"reason": "灰", "false_cause": "dust"}, PersonError,
            "县级", id="a school calls a major hazard false",
        ),
        pytest.param(
            entry(State.SUBMITTED, **FULL, reason="旧理由"), "return", SAFETY, {}, MissingError, "理由",
            id="an old reason is no reason",
        ),
        pytest.param(
            entry(State.RECTIFYING, **FULL), "extend", PRINCIPAL, {"deadline": NOW + timedelta(days=2), "reason": "料"},
            MissingError, "晚于原时限", id="an extension to an earlier day",
        ),
        pytest.param(
            entry(State.RECTIFYING, **{**FULL, "grade": "major"}), "extend", PRINCIPAL,
            {"deadline": NOW + timedelta(days=9), "reason": "料"}, PersonError, "县级", id="a school extends a major",
        ),
        pytest.param(entry(), "fly", SAFETY, {}, ForbiddenError, "没有“fly”", id="no such action"),
    ],
)  # fmt: skip
def test_a_guard_says_what_is_missing(
    before: Entry, action: str, actor: Actor, fields: dict[str, Any], error: type[RefusedError], said: str
) -> None:
    with pytest.raises(error, match=said):
        do(before, action, actor, **fields)


def test_other_labels_for_the_three_parts_need_no_code() -> None:
    other = JUDGEMENT.model_copy(update={"three_parts": (Field3(field="term", zh="分期"),)})
    with pytest.raises(MissingError, match="还缺 分期"):
        plan(entry(State.REGISTERED, **FULL), "judge", {}, SAFETY, other, NOW)


def test_what_a_person_may_do_next() -> None:
    assert [t.action for t in choices(entry(State.SUBMITTED), GRID)] == ["edit"]
    assert [t.action for t in choices(entry(State.SUBMITTED), PRINCIPAL)] == ["edit", "accept", "return", "escalate"]


@pytest.mark.parametrize(
    ("now", "due"),
    [
        pytest.param("2026-05-07T14:00+08:00", "2026-05-08T18:00+08:00", id="Thursday to this Friday"),
        pytest.param("2026-05-08T17:59+08:00", "2026-05-08T18:00+08:00", id="just before the meeting"),
        pytest.param("2026-05-08T18:00+08:00", "2026-05-15T18:00+08:00", id="after it, the next week"),
    ],
)
def test_an_entry_is_judged_by_the_next_weekly_meeting(now: str, due: str) -> None:
    assert judge_due(entry(), datetime.fromisoformat(now), JUDGEMENT) == datetime.fromisoformat(due)


@pytest.mark.parametrize(
    ("hours", "kinds"),
    [
        pytest.param(49, [], id="before half the time nothing"),
        pytest.param(50, ["warn-50"], id="half"),
        pytest.param(80, ["warn-50", "warn-80"], id="four fifths"),
        pytest.param(101, ["safety"], id="overdue: the first rung"),
        pytest.param(125, ["safety", "principal"], id="a day later the next"),
        pytest.param(500, ["safety", "principal", "county", "city"], id="and no further than the last"),
    ],
)
def test_an_overdue_entry_climbs_one_rung_a_day(hours: float, kinds: list[str]) -> None:
    moving = entry(State.RECTIFYING, assigned_at=NOW, due_at=NOW + timedelta(hours=100))
    told = notices(moving, NOW + timedelta(hours=hours), JUDGEMENT, JUDGEMENT.roster)
    assert [n.kind[:7] if n.kind.startswith("warn") else n.role for n in told] == kinds
