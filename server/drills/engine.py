"""A drill's result from all its inputs: pure, and the same in whatever order they arrived."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, assert_never

from server.drills.clocks import Moment
from server.drills.ending import End, ending
from server.drills.exits import bottleneck, count, exit_result, marks, ordered, span, steps
from server.drills.inputs import (
    Arrived,
    Ended,
    Horizon,
    Inputs,
    Passage,
    Plan,
    PlannedStage,
    Reported,
    Signal,
    Start,
    Voided,
)
from server.drills.results import (
    Basis,
    Phase,
    Result,
    RollCall,
    Span,
    StageResult,
    Straggler,
    Verdict,
)
from server.drills.rollcall import accounted, arrivals, each_once, roll_call


class _Said(NamedTuple):
    """The acts, by what they are; each once and in order of time."""

    starts: list[Start]
    roll: list[Arrived | Reported]
    ends: list[Ended]
    voids: list[Voided]


def result(inputs: Inputs, seen: Horizon) -> Result:
    """Compute the drill as it stands at `seen.now_s`."""
    plan, said = inputs.plan, _sort(inputs)
    alarm, shelter, signal = (_first(said.starts, s) for s in (Signal.ALARM, Signal.SHELTER, Signal.EVACUATE))
    t0 = signal.when if signal else None
    begun = [start.when.at_s for start in (alarm, shelter, signal) if start]
    passages = [
        p for p in ordered(inputs.passages) if begun and p.when.at_s >= min(begun) and p.when.at_s <= seen.now_s
    ]
    if t0 is None or signal is None:
        return _before(plan, said, seen, alarm, shelter, passages)
    after = [p for p in passages if p.when.at_s >= t0.at_s]
    reports = [act for act in said.roll if isinstance(act, Reported)]
    end = ending(plan, after, accounted(plan, reports), said.ends[0].when if said.ends else None, seen)
    inside = [p for p in passages if end.at is None or p.when.at_s <= end.at.at_s]
    return _after(_Known(plan, said, seen, alarm, shelter, signal), passages, inside, end)


class _Known(NamedTuple):
    plan: Plan
    said: _Said
    seen: Horizon
    alarm: Start | None
    shelter: Start | None
    signal: Start


def _after(known: _Known, passages: Sequence[Passage], inside: Sequence[Passage], end: End) -> Result:
    """Everything from the evacuation signal on."""
    plan, said, t0 = known.plan, known.said, known.signal.when
    in_time = [act for act in said.roll if end.at is None or act.when.at_s <= end.at.at_s]
    called = roll_call(plan, said.roll, t0, end.at)
    found = marks(inside, t0)
    assembled = _last_arrival(plan, in_time, t0, {c.id for c in plan.classes})
    phase = Phase.VOID if said.voids else Phase.FINISHED if end.at else Phase.EVACUATING
    basis = Basis.ASSEMBLED if assembled else Basis.EXITS
    exits = tuple(exit_result(e, [p for p in inside if p.exit_id == e.id], t0) for e in plan.exits)
    return Result(
        phase=phase,
        t0_s=t0.at_s,
        t0_source=known.signal.source,
        alarm=span(known.alarm.when, t0) if known.alarm else None,
        shelter=span(known.shelter.when, t0) if known.shelter else None,
        ended=span(end.at, t0) if end.at else None,
        ending=end.how,
        expected=_expected(plan, called),
        count=count(inside),
        early=sum(-p.count if p.back else p.count for p in inside if p.when.at_s < t0.at_s),
        exits=exits,
        steps=steps(inside, t0),
        half=found.half,
        most=found.most,
        clear=found.last,
        assembled=assembled,
        accounted=_accounted(plan, said, t0),
        official=assembled or found.last,
        basis=basis,
        straggler=_straggler(plan, passages, end.at, t0),
        roll_call=called,
        stages=tuple(_stage(plan, s, in_time, t0, found.last, phase) for s in plan.stages),
        bottleneck=bottleneck(exits),
        waiting_for_data=end.awaited,
    )


def _before(
    plan: Plan, said: _Said, seen: Horizon, alarm: Start | None, shelter: Start | None, passages: Sequence[Passage]
) -> Result:
    """Planned, or the siren or the shelter phase runs: no official clock yet."""
    begun = [start for start in (alarm, shelter) if start]
    zero = begun[0].when if begun else None
    phase = Phase.SHELTER if shelter else Phase.ALARM if alarm else Phase.PLANNED
    if said.voids or (said.ends and said.ends[0].when.at_s <= seen.now_s):
        phase = Phase.VOID  # ended before the evacuation signal: there is nothing to time
    called = roll_call(plan, said.roll, None, None)
    exits = tuple(exit_result(e, [p for p in passages if p.exit_id == e.id], zero) for e in plan.exits) if zero else ()
    return Result(
        phase=phase,
        t0_s=None,
        t0_source="",
        alarm=None,
        shelter=None,
        ended=None,
        ending=None,
        expected=_expected(plan, called),
        count=count(passages),
        early=count(passages).net,
        exits=exits,
        steps=(),
        half=None,
        most=None,
        clear=None,
        assembled=None,
        accounted=None,
        official=None,
        basis=Basis.EXITS,
        straggler=None,
        roll_call=called,
        stages=tuple(_stage(plan, s, [], None, None, phase) for s in plan.stages),
        bottleneck=None,
        waiting_for_data=False,
    )


def _sort(inputs: Inputs) -> _Said:
    said = _Said([], [], [], [])
    for act in each_once(inputs.acts):
        match act:
            case Start():
                said.starts.append(act)
            case Arrived() | Reported():
                said.roll.append(act)
            case Ended():
                said.ends.append(act)
            case Voided():
                said.voids.append(act)
            case _:
                assert_never(act)
    return said


def _first(starts: Sequence[Start], signal: Signal) -> Start | None:
    return next((start for start in starts if start.signal is signal), None)


def _expected(plan: Plan, called: RollCall) -> int:
    return called.expected if plan.classes else plan.people or 0


def _last_arrival(plan: Plan, roll: Sequence[Arrived | Reported], t0: Moment, wanted: set[str]) -> Span | None:
    """When the last of the wanted classes stood at its place; None while one is not known to."""
    here = arrivals(roll)
    sized = {c.id for c in plan.classes if c.size > 0 and c.id in wanted}
    if not sized or not sized <= here.keys():
        return None
    return span(max((here[c] for c in sized), key=lambda m: (m.at_s, m.plus_minus_s)), t0)


def _accounted(plan: Plan, said: _Said, t0: Moment) -> Span | None:
    """When everybody was first accounted for, if that still stands by the latest word."""
    history = accounted(plan, [act for act in said.roll if isinstance(act, Reported)])
    if not history or not history[-1][1]:
        return None
    since = history[-1][0]
    for when, whole in reversed(history):
        if not whole:
            break
        since = when
    return span(since, t0)


def _straggler(plan: Plan, passages: Sequence[Passage], end: Moment | None, t0: Moment) -> Straggler | None:
    if end is None:
        return None
    late = [p for p in passages if 0 < p.when.at_s - end.at_s <= plan.straggler_s and not p.back]
    return Straggler(sum(p.count for p in late), span(late[-1].when, t0)) if late else None


def _stage(
    plan: Plan,
    stage: PlannedStage,
    roll: Sequence[Arrived | Reported],
    t0: Moment | None,
    clear: Span | None,
    phase: Phase,
) -> StageResult:
    """One stage by its own last class; by the exits, which know no stages, where arrivals are not recorded."""
    wanted = {c.id for c in plan.classes if c.stage_id == stage.id}
    assembled = _last_arrival(plan, roll, t0, wanted) if t0 else None
    official = assembled or clear
    return StageResult(
        id=stage.id,
        name=stage.name,
        target_s=stage.target_s,
        why=stage.why,
        official=official,
        basis=Basis.ASSEMBLED if assembled else Basis.EXITS,
        verdict=verdict(official, stage.target_s) if phase is Phase.FINISHED else Verdict.OPEN,
    )


def verdict(official: Span | None, target_s: float | None) -> Verdict:
    """Judge only what the ± allows."""
    if target_s is None:
        return Verdict.NO_TARGET
    if official is None:
        return Verdict.UNTIMED
    if official.seconds + official.plus_minus_s <= target_s:
        return Verdict.MET
    if official.seconds - official.plus_minus_s > target_s:
        return Verdict.MISSED
    return Verdict.TOO_CLOSE
