"""The record: words with their ±, the curve, the workbook."""

from __future__ import annotations

import io
import math
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime

import openpyxl
import pytest

from server.drills import record as records
from server.drills import words
from server.drills.clocks import Moment, Trust
from server.drills.curve import BOARD, Words, svg
from server.drills.engine import result
from server.drills.inputs import (
    Act,
    DrillKind,
    Ended,
    Horizon,
    Inputs,
    Passage,
    Plan,
    PlannedClass,
    PlannedExit,
    PlannedStage,
    Reported,
    Signal,
    Start,
)
from server.drills.outcome import Problem
from server.drills.record import Past, Record
from server.drills.results import Count, Phase, Result, Span
from server.drills.store import Drill
from server.drills.workbook import workbook

T0 = 1_800_000_000.0
PLAN = Plan(
    DrillKind.FIRE,
    (PlannedClass("c1", "三（1）班", "p", 120),),
    (PlannedExit("e", "东门", 1.8), PlannedExit("w", "西门", 1.2)),
    (PlannedStage("p", "小学部", 180.0, "小学 3 分钟以内"),),
)
CURVE = Words("曲线", "目标", "合计", "人")


def at(seconds: float) -> Moment:
    return Moment(T0 + seconds, 0.02, Trust.MEASURED)


def found(present: int = 120) -> Result:
    passages = tuple(Passage(str(i), "ew"[i % 2], at(10 + i * 0.8), 1, 1, 1) for i in range(120))
    acts: tuple[Act, ...] = (
        Start("s", Signal.EVACUATE, at(0), "按钮"),
        Reported("r", "c1", at(130), 120, present, 120 - present),
        Ended("x", at(400)),
    )
    return result(Inputs(PLAN, acts, passages), Horizon(math.inf, math.inf))


DRILL = Drill(
    "d", "s1", DrillKind.FIRE, "九月消防演练", Phase.FINISHED, PLAN, 0, datetime(2026, 9, 1, tzinfo=UTC), "校长",
    record={"commander": "=1+1", "summary": "东门外有车"},
)  # fmt: skip
AT = datetime(2026, 9, 1, 2, tzinfo=UTC)
RECORD = Record(
    "示例学校",
    DRILL,
    found(),
    [Problem("p1", AT, "校长", "西楼梯堆放纸箱", "西楼梯", 12)],
    [Past(replace(DRILL, id="o", name="八月演练"), found())],
    1,
)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(102.34, "1′42.3″"), (0, "0′00.0″"), (59.96, "1′00.0″"), (-180, "-3′00.0″"), (600, "10′00.0″")],
)
def test_times_are_written_as_on_records(seconds: float, said: str) -> None:
    assert words.clock(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (Count(480, 0, 480, 480), "480"),
        (Count(480, 0, 478.2, 481.7), "478–482"),
        (Count(10, 2, 8, 8), "8"),
        (Count(10, 0, 11, 12), "11–12"),
    ],
)
def test_a_doubtful_count_is_said_as_its_bounds(count: Count, said: str) -> None:
    assert words.counted(count) == said


@pytest.mark.parametrize(("doubt", "said"), [(0.0, "±0.1"), (0.04, "±0.1"), (0.11, "±0.2"), (300.0, "±300")])
def test_the_doubt_is_rounded_up_and_never_below_what_is_shown(doubt: float, said: str) -> None:
    assert said in words.timed(Span(10.0, doubt, Trust.MEASURED))


def test_the_exits_are_reconciled_with_the_roll_call() -> None:
    assert words.reconciled(found()).endswith("相符")
    assert "出口多 2 人" in words.reconciled(found(118))
    bounds = replace(found(), count=Count(110, 0, 108, 112))
    assert "出口少计 8 人" in words.reconciled(bounds)


def test_the_record_has_the_fields_of_the_school_forms() -> None:
    labels = {label for label, _ in records.rows(RECORD)} | set(records.FIELDS.values())
    assert {
        "学校", "日期", "演练类型", "总指挥", "疏散引导组", "通讯联络组", "救护组", "安全保卫组", "后勤保障组",
        "演练方案", "应疏散人数", "参加单位（消防、公安等）", "教职工到岗情况", "器材准备情况",
        "疏散信号", "拥堵位置", "受伤情况", "总结与改进", "填表人",
    } <= labels  # fmt: skip
    assert records.classes(RECORD)[1][:5] == ["三（1）班", "120", "120", "0", "0"]
    assert [row[1] for row in records.comparison(RECORD)[1:]] == ["九月消防演练", "八月演练"]


def test_the_workbook_opens_and_holds_no_formula() -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook(RECORD)))
    assert book.sheetnames == ["演练记录", "学段", "出口", "班级", "对比", "问题", "曲线"]
    cells = {row[0].value: row[1] for row in book["演练记录"].iter_rows(min_row=2)}
    assert (cells["总指挥"].value, cells["总指挥"].data_type) == ("=1+1", "s")
    assert cells["总结与改进"].value == "东门外有车"
    assert book["曲线"].max_row == 121
    assert [row[4].value for row in book["问题"].iter_rows(min_row=2)] == ["第 12 号"]


def test_the_curve_is_well_formed_and_names_what_it_shows() -> None:
    drawn = ET.fromstring(svg(replace(found(), exits=tuple(replace(e, name="<东>") for e in found().exits)), CURVE))
    texts = [t.text for t in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"合计 120", "<东> 60", "目标 3:00", "50%", "95%", "100%"} <= set(texts)


def test_the_boards_curve_has_large_letters_that_stay_on_the_sheet() -> None:
    drawn = ET.fromstring(svg(found(), CURVE, sheet=BOARD))
    _, _, width, height = map(float, drawn.attrib["viewBox"].split())
    for text in drawn.iter("{http://www.w3.org/2000/svg}text"):
        x, y, letters = float(text.attrib["x"]), float(text.attrib["y"]), len(text.text or "")
        assert 20 <= y <= height, text.text
        assert x + letters * 26 <= width or text.attrib.get("text-anchor"), text.text
    ticks = [t for t in drawn.iter("{http://www.w3.org/2000/svg}text") if t.attrib["class"] == "tick"]
    assert len([t for t in ticks if ":" in (t.text or "")]) <= 5


def test_a_curve_of_thousands_stays_small() -> None:
    passages = tuple(Passage(str(i), "e", at(i / 20), 1, 1, 1) for i in range(5000))
    many = result(Inputs(PLAN, (Start("s", Signal.EVACUATE, at(0)),), passages), Horizon(math.inf, math.inf))
    assert len(svg(many, CURVE)) < 60_000


def test_before_anybody_is_out_there_is_a_picture_too() -> None:
    nothing = result(Inputs(PLAN, (Start("s", Signal.EVACUATE, at(0)),)), Horizon(T0 + 3, T0 + 3))
    assert ET.fromstring(svg(nothing, CURVE, 3.0)) is not None
