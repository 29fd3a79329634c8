"""The drill engine: tables of inputs and results, and the same result in whatever order inputs arrive."""

from __future__ import annotations

import csv
import math
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.drills.clocks import Moment, Trust
from server.drills.engine import result, verdict
from server.drills.inputs import (
    Act,
    Arrived,
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
    Voided,
)
from server.drills.results import Basis, Ending, Phase, Result, Span, Verdict

T0 = 1_000_000.0
FOREVER = Horizon(math.inf, math.inf)
TWO = (PlannedClass("c1", "一班", "p", 3), PlannedClass("c2", "二班", "j", 2))
STAGES = (PlannedStage("p", "小学部", 180.0), PlannedStage("j", "初中部", 120.0))
PLAN = Plan(DrillKind.FIRE, TWO, (PlannedExit("e", "东门", 1.8), PlannedExit("w", "西门", 1.8)), STAGES)


def at(seconds: float, plus_minus_s: float = 0.01) -> Moment:
    return Moment(T0 + seconds, plus_minus_s, Trust.MEASURED)


def signal(seconds: float = 0.0, what: Signal = Signal.EVACUATE) -> Start:
    return Start(f"s{what}{seconds}", what, at(seconds, 0.0), "按钮")


def out(seconds: float, exit_id: str = "e", count: int = 1, *, back: bool = False) -> Passage:
    return Passage(f"{exit_id}{seconds}{back}", exit_id, at(seconds), count, count, count, back)


def told(class_id: str, seconds: float, expected: int, present: int, excused: int = 0) -> Reported:
    return Reported(f"r{class_id}{seconds}", class_id, at(seconds), expected, present, excused)


def came(class_id: str, seconds: float) -> Arrived:
    return Arrived(f"a{class_id}{seconds}", class_id, at(seconds))


def run(*inputs: Act | Passage, plan: Plan = PLAN, seen: Horizon = FOREVER) -> Result:
    acts = tuple(i for i in inputs if not isinstance(i, Passage))
    return result(Inputs(plan, acts, tuple(i for i in inputs if isinstance(i, Passage))), seen)


def sec(value: Span | None) -> float | None:
    return value.seconds if value else None


ALL_OUT = (signal(), *(out(t) for t in (10, 12, 15)), *(out(t, "w") for t in (11, 20)))
ALL_WELL = (came("c1", 40), told("c1", 50, 3, 3), came("c2", 45), told("c2", 55, 2, 2))

TABLE: list[tuple[str, tuple[Act | Passage, ...], dict[str, Any]]] = [
    ("nothing said: it is planned", (), {"phase": Phase.PLANNED, "official": None, "expected": 5}),
    (
        "the siren alone does not start the official clock",
        (signal(0, Signal.ALARM), out(5)),
        {"phase": Phase.ALARM, "t0_s": None, "early": 1, "official": None},
    ),
    (
        "an earthquake drill shelters first, and its clock starts at the evacuation signal",
        (signal(-180, Signal.ALARM), signal(-170, Signal.SHELTER), *ALL_OUT, *ALL_WELL),
        {"alarm": -180.0, "shelter": -170.0, "clear": 20.0, "assembled": 45.0, "phase": Phase.FINISHED},
    ),
    (
        "clear, assembled and accounted are three times, and the official one is assembled",
        (*ALL_OUT, *ALL_WELL),
        {"clear": 20.0, "assembled": 45.0, "accounted": 55.0, "official": 45.0, "basis": Basis.ASSEMBLED},
    ),
    (
        "it ends by itself at the later of quiet and the roll call",
        (*ALL_OUT, *ALL_WELL),
        {"ended": 55.0, "ending": Ending.ITSELF},
    ),
    (
        "a roll call that is complete before the quiet ends the drill 20 s after the last person",
        (*ALL_OUT, told("c1", 22, 3, 3), told("c2", 23, 2, 2)),
        {"ended": 40.0, "clear": 20.0, "assembled": 23.0},
    ),
    (
        "without arrivals of every class the official time is the exits'",
        (*ALL_OUT, came("c1", 40), Ended("x", at(60))),
        {"official": 20.0, "basis": Basis.EXITS, "ending": Ending.HAND, "assembled": None, "accounted": None},
    ),
    (
        "nobody crossing is not the end while a class is silent",
        (*ALL_OUT, told("c1", 50, 3, 3)),
        {"phase": Phase.EVACUATING, "ended": None},
    ),
    (
        "a missing child keeps the drill open until found",
        (*ALL_OUT, told("c1", 50, 3, 2), told("c2", 55, 2, 2)),
        {"phase": Phase.EVACUATING, "missing": 1, "accounted": None},
    ),
    (
        "found again: the correction accounts for all",
        (*ALL_OUT, told("c1", 50, 3, 2), told("c2", 55, 2, 2), out(70, "w"), told("c1", 80, 3, 3)),
        {"clear": 70.0, "accounted": 80.0, "ended": 90.0, "missing": 0},
    ),
    (
        "the excused stand outside the count",
        (*ALL_OUT, told("c1", 50, 3, 2, 1), told("c2", 55, 2, 2)),
        {"expected": 4, "missing": 0, "accounted": 55.0, "phase": Phase.FINISHED},
    ),
    (
        "a straggler after the end is a second number",
        (*ALL_OUT, *ALL_WELL, out(90, "w"), out(95, "w")),
        {"clear": 20.0, "official": 45.0, "straggler": (2, 95.0), "net": 5},
    ),
    (
        "someone within 20 s of the last one before is no straggler",
        (*ALL_OUT, out(39.9), *ALL_WELL),
        {"clear": 39.9, "straggler": None, "net": 6},
    ),
    (
        "who goes back in is subtracted, and is last when out again",
        (*ALL_OUT, out(25, back=True), out(41), *ALL_WELL),
        {"net": 5, "clear": 41.0, "ended": 61.0},
    ),
    (
        "ended by hand: what follows changes nothing",
        (*ALL_OUT, Ended("x", at(16)), Ended("y", at(300))),
        {"clear": 15.0, "ended": 16.0, "straggler": (1, 20.0), "net": 4},
    ),
    (
        "a class that comes after the end by hand is late, and the exits' time stands",
        (*ALL_OUT, came("c1", 30), Ended("x", at(41)), came("c2", 50)),
        {"official": 20.0, "basis": Basis.EXITS, "late": ["c2"]},
    ),
    ("a second press of the button changes nothing", (*ALL_OUT, signal(5), *ALL_WELL), {"clear": 20.0}),
    ("a void drill is void", (*ALL_OUT, *ALL_WELL, Voided("v", at(99))), {"phase": Phase.VOID}),
    (
        "ended before the evacuation signal there is nothing to time",
        (signal(0, Signal.ALARM), Ended("x", at(9))),
        {"phase": Phase.VOID, "official": None},
    ),
    (
        "those out before the signal are told apart",
        (signal(-5, Signal.ALARM), out(-2), *ALL_OUT),
        {"early": 1, "net": 6},
    ),
    ("who passed before any signal does not belong", (out(-2), *ALL_OUT), {"early": 0, "net": 5}),
]


def seen_of(found: Result) -> dict[str, Any]:
    spans = ("alarm", "shelter", "ended", "clear", "assembled", "accounted", "official")
    return {
        **{name: getattr(found, name) for name in ("phase", "t0_s", "expected", "early", "basis", "ending")},
        **{name: sec(getattr(found, name)) for name in spans},
        "net": found.count.net,
        "missing": found.roll_call.missing,
        "late": [c.id for c in found.roll_call.classes if c.late],
        "straggler": (found.straggler.count, found.straggler.last.seconds) if found.straggler else None,
    }


@pytest.mark.parametrize(("inputs", "want"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_happened_gives_this_result(inputs: tuple[Act | Passage, ...], want: dict[str, Any]) -> None:
    found = seen_of(run(*inputs))
    assert {k: found[k] for k in want} == want


def test_each_exit_has_its_first_half_most_and_last() -> None:
    east = [out(float(t)) for t in range(1, 101)]
    found = run(signal(), *east, out(50.5, "w")).exits
    assert [sec(x) for x in (found[0].first, found[0].half, found[0].most, found[0].last)] == [1, 50, 95, 100]
    assert [sec(x) for x in (found[1].first, found[1].half, found[1].last)] == [50.5, 50.5, 50.5]
    assert found[0].flow == pytest.approx(95 / (1.8 * 94), abs=0.01)


def test_the_bottleneck_is_the_exit_that_was_busy_longest() -> None:
    assert run(*ALL_OUT).bottleneck == "w"


def test_more_people_than_can_pass_are_flagged() -> None:
    assert run(signal(), *(out(10 + t / 20) for t in range(200))).exits[0].implausible


def test_the_bounds_of_the_counters_bound_the_sum() -> None:
    doubtful = Passage("d", "e", at(30), 3, 2.4, 4.2)
    found = run(*ALL_OUT, doubtful).count
    assert (found.out, found.low, found.high) == (8, 7.4, 9.2)


def test_the_doubt_of_a_time_is_that_of_both_its_ends() -> None:
    found = run(Start("s", Signal.EVACUATE, at(0, 0.2)), Passage("p", "e", at(9, 0.05), 1, 1, 1))
    assert found.clear == Span(9.0, 0.25, Trust.MEASURED)


@pytest.mark.parametrize(
    ("seconds", "doubt", "target", "said"),
    [
        (119.9, 0.1, 120.0, Verdict.MET),
        (119.95, 0.1, 120.0, Verdict.TOO_CLOSE),
        (120.05, 0.1, 120.0, Verdict.TOO_CLOSE),
        (120.2, 0.1, 120.0, Verdict.MISSED),
        (900.0, 0.1, None, Verdict.NO_TARGET),
    ],
)
def test_a_verdict_says_no_more_than_the_doubt_allows(
    seconds: float, doubt: float, target: float | None, said: Verdict
) -> None:
    assert verdict(Span(seconds, doubt, Trust.MEASURED), target) is said


def test_a_drill_nobody_was_counted_in_is_over_but_not_judged() -> None:
    found = run(signal(), Ended("x", at(70)), seen=Horizon(T0 + 80, T0 + 80))
    assert (found.phase, {s.verdict for s in found.stages}) == (Phase.FINISHED, {Verdict.UNTIMED})
    assert {s.verdict for s in run(signal(), seen=Horizon(T0 + 10, T0 + 10)).stages} == {Verdict.OPEN}


def test_a_mixed_school_is_judged_stage_by_stage() -> None:
    late = (*ALL_OUT, came("c1", 150), came("c2", 150), told("c1", 160, 3, 3), told("c2", 160, 2, 2))
    assert [s.verdict for s in run(*late).stages] == [Verdict.MET, Verdict.MISSED]


def test_it_waits_for_crossings_that_may_still_be_on_their_way() -> None:
    now = T0 + 80
    held = run(*ALL_OUT, *ALL_WELL, seen=Horizon(now, T0 + 30))
    assert (held.phase, held.waiting_for_data) == (Phase.EVACUATING, True)
    assert run(*ALL_OUT, *ALL_WELL, seen=Horizon(now, now)).phase is Phase.FINISHED


def test_the_leader_can_end_a_drill_whose_counters_are_silent() -> None:
    found = run(*ALL_OUT, *ALL_WELL, Ended("x", at(70)), seen=Horizon(T0 + 80, T0 + 30))
    assert (found.phase, found.ending, sec(found.clear)) == (Phase.FINISHED, Ending.HAND, 20.0)


def test_without_counters_the_roll_call_times_the_drill() -> None:
    plan = Plan(DrillKind.FIRE, TWO, (), STAGES)
    found = run(signal(), *ALL_WELL, plan=plan)
    assert (sec(found.official), sec(found.ended), found.basis) == (45.0, 55.0, Basis.ASSEMBLED)


def test_without_a_class_list_it_ends_by_itself_only_when_nearly_all_are_out() -> None:
    plan = Plan(DrillKind.FIRE, (), PLAN.exits, (), people=5)
    assert run(signal(), out(5), plan=plan).phase is Phase.EVACUATING
    assert sec(run(*ALL_OUT, plan=plan).ended) == 40.0


seconds_ = st.floats(-30, 300, allow_nan=False).map(lambda s: round(s, 3))
doubts = st.sampled_from([0.0, 0.01, 0.3])
moments = st.builds(at, seconds_, doubts)
ids = st.integers(0, 40).map(str)
classes_ = st.sampled_from(["c1", "c2"])
small = st.integers(0, 3)
inputs_ = st.one_of(
    st.builds(Start, ids, st.sampled_from(Signal), moments),
    st.builds(Arrived, ids, classes_, moments),
    st.builds(Reported, ids, classes_, moments, small, small, small),
    st.builds(Ended, ids, moments),
    st.builds(
        Passage, ids, st.sampled_from(["e", "w"]), moments, st.integers(1, 3), st.just(0.5), st.just(3.5), st.booleans()
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(inputs_, max_size=40), st.randoms(use_true_random=False))
def test_any_order_and_any_repetition_of_the_inputs_give_the_same_result(
    inputs: list[Act | Passage], dice: random.Random
) -> None:
    first = run(signal(), *inputs)
    again = [*inputs, *dice.choices(inputs, k=len(inputs))] if inputs else []
    dice.shuffle(again)
    assert run(*again, signal()) == first


@settings(max_examples=100, deadline=None)
@given(st.lists(inputs_, max_size=30))
def test_times_keep_their_order(inputs: list[Act | Passage]) -> None:
    found = run(signal(-40.0), *inputs)
    for one in (found, *found.exits):
        times = [sec(t) for t in ((one.first if one is not found else None), one.half, one.most) if t]  # type: ignore[union-attr]
        assert times == sorted(times)  # type: ignore[type-var]
    assert found.count.low <= found.count.high
    if found.steps:
        assert found.steps[-1].net == found.count.net


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.1, 200).map(lambda s: round(s, 3)), min_size=1, max_size=60, unique=True))
def test_shares_agree_with_counting_by_hand(times: list[float]) -> None:
    found = run(signal(), *(out(t) for t in times), Ended("x", at(1000))).exits[0]
    in_order = sorted(times)
    assert sec(found.half) == in_order[math.ceil(len(times) * 0.5) - 1]
    assert sec(found.most) == in_order[math.ceil(round(len(times) * 0.95, 9)) - 1]
    assert (sec(found.first), sec(found.last)) == (in_order[0], in_order[-1])


def test_real_evacuations_are_counted_exactly_and_the_last_person_is_exact(shared: Path) -> None:
    files = sorted((shared / "data" / "sensors" / "ped_exit").glob("*_crossings.csv"))
    assert files
    for file in files:
        with file.open(encoding="utf-8", newline="") as handle:
            rows = list(csv.DictReader(handle))
        passages = [Passage(r["person_id"], "e", at(float(r["t_s"]), 0), 1, 1, 1) for r in rows]
        random.Random(1).shuffle(passages)
        plan = Plan(DrillKind.FIRE, (), (PlannedExit("e", "出口", 1.8),), (), people=len(rows))
        found = run(signal(), *passages, *passages[::3], plan=plan)
        last = float(rows[-1]["t_s"])
        assert found.count.net == len(rows), file.name
        assert (sec(found.clear), sec(found.ended)) == (last, pytest.approx(last + 20)), file.name
        assert found.phase is Phase.FINISHED
