"""When a drill ended: by itself once nobody came for a while and all are accounted for, or by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from server.drills.clocks import Moment
from server.drills.inputs import Horizon, Passage, Plan
from server.drills.results import Ending

ENOUGH = 0.95
"""Without a roll call a drill ends by itself only when this share of the expected is out."""


class End(NamedTuple):
    """When and how a drill ended; `awaited` when only data still on its way keeps it open."""

    at: Moment | None
    how: Ending | None
    awaited: bool


def ending(
    plan: Plan, passages: Sequence[Passage], whole: Sequence[tuple[Moment, bool]], by_hand: Moment | None, seen: Horizon
) -> End:
    """Find the end that all inputs agree on, whatever order they came in."""
    itself = _by_itself(plan, passages, whole)
    if itself is not None and (by_hand is None or itself.at_s < by_hand.at_s):
        if itself.at_s <= min(seen.complete_until_s, seen.now_s):
            return End(itself, Ending.ITSELF, awaited=False)
        if by_hand is None or by_hand.at_s > seen.now_s:
            return End(None, None, awaited=itself.at_s <= seen.now_s)
    if by_hand is not None and by_hand.at_s <= seen.now_s:
        return End(by_hand, Ending.HAND, awaited=False)
    return End(None, None, awaited=False)


def _by_itself(plan: Plan, passages: Sequence[Passage], whole: Sequence[tuple[Moment, bool]]) -> Moment | None:
    """The first instant that is quiet and at which all are accounted for."""
    if not plan.exits:
        return next((when for when, is_whole in whole if is_whole), None)
    for start, stop in _quiet(passages, plan.quiet_s):
        if not plan.classes:
            if plan.people is not None and _net_until(passages, start.at_s) >= ENOUGH * plan.people:
                return start
            continue
        candidates = [start, *(when for when, _ in whole if start.at_s <= when.at_s < stop)]
        for when in candidates:
            if _accounted_at(whole, when.at_s):
                return when
    return None


def _quiet(passages: Sequence[Passage], quiet_s: float) -> list[tuple[Moment, float]]:
    """Stretches in which nobody had crossed for `quiet_s`, in seconds since 1970."""
    stretches: list[tuple[Moment, float]] = []
    for i, passage in enumerate(passages):
        begins = passage.when.at_s + quiet_s
        stops = passages[i + 1].when.at_s if i + 1 < len(passages) else float("inf")
        if begins < stops:
            stretches.append((Moment(begins, passage.when.plus_minus_s, passage.when.trust), stops))
    return stretches


def _accounted_at(whole: Sequence[tuple[Moment, bool]], at_s: float) -> bool:
    known = [is_whole for when, is_whole in whole if when.at_s <= at_s]
    return bool(known) and known[-1]


def _net_until(passages: Sequence[Passage], at_s: float) -> int:
    return sum(-p.count if p.back else p.count for p in passages if p.when.at_s <= at_s)
