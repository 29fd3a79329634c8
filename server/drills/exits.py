"""Exits: counts, the curve, and when 50 %, 95 % and the last person had passed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from server.drills.clocks import Moment
from server.drills.inputs import Passage, PlannedExit
from server.drills.results import Count, ExitResult, Span, Step

PLAUSIBLE_FLOW = 3.0
"""People a metre and second; measured at congested exits: up to 2.3."""
FLOW_NEEDS = 10
"""Fewer people than this say nothing about a flow."""


class Marks(NamedTuple):
    """When shares of the people had passed."""

    first: Span | None
    half: Span | None
    most: Span | None
    last: Span | None


def ordered(passages: Sequence[Passage]) -> list[Passage]:
    """Each passage once, by time: what arrived twice or late makes no difference."""
    once: dict[str, Passage] = {}
    for passage in sorted(passages, key=lambda p: (p.id, p.when.at_s, p.exit_id, p.count, p.back)):
        once.setdefault(passage.id, passage)
    return sorted(once.values(), key=lambda p: (p.when.at_s, p.id))


def span(when: Moment, t0: Moment) -> Span:
    """How long after the evacuation signal; the doubts of both instants add up."""
    trust = max(when.trust, t0.trust, key=list(type(when.trust)).index)
    return Span(round(when.at_s - t0.at_s, 3), round(when.plus_minus_s + t0.plus_minus_s, 3), trust)


def count(passages: Sequence[Passage]) -> Count:
    """Net people out; who goes back in is subtracted, and the bounds widen both ways."""
    out = [p for p in passages if not p.back]
    back = [p for p in passages if p.back]
    low = math.fsum([p.low for p in out]) - math.fsum([p.high for p in back])
    high = math.fsum([p.high for p in out]) - math.fsum([p.low for p in back])
    return Count(sum(p.count for p in out), sum(p.count for p in back), round(low, 3), round(high, 3))


def steps(passages: Sequence[Passage], t0: Moment) -> tuple[Step, ...]:
    """Net people out after each passage."""
    net, curve = 0, list[Step]()
    for passage in passages:
        net += -passage.count if passage.back else passage.count
        curve.append(Step(span(passage.when, t0).seconds, net))
    return tuple(curve)


def marks(passages: Sequence[Passage], t0: Moment) -> Marks:
    """Find when the first, half, 95 % and the last were out for good."""
    out = [p for p in passages if not p.back]
    if not out:
        return Marks(None, None, None, None)
    return Marks(span(out[0].when, t0), _share(passages, t0, 50), _share(passages, t0, 95), span(out[-1].when, t0))


def _share(passages: Sequence[Passage], t0: Moment, percent: int) -> Span | None:
    """From when on at least this share of the final net number stays out."""
    final = sum(-p.count if p.back else p.count for p in passages)
    if final <= 0:
        return None
    need = -(-final * percent // 100)
    net, found = final, None
    for passage in reversed(passages):
        if net < need:
            break
        found = passage
        net -= -passage.count if passage.back else passage.count
    return span(found.when, t0) if found else None


def exit_result(exit_: PlannedExit, passages: Sequence[Passage], t0: Moment) -> ExitResult:
    """One exit's numbers from its own passages, in order."""
    number, found = count(passages), marks(passages, t0)
    flow = _flow(number, found, exit_.width_m)
    return ExitResult(
        id=exit_.id,
        name=exit_.name,
        count=number,
        first=found.first,
        half=found.half,
        most=found.most,
        last=found.last,
        steps=steps(passages, t0),
        flow=flow,
        implausible=flow is not None and flow > PLAUSIBLE_FLOW,
    )


def _flow(number: Count, found: Marks, width_m: float | None) -> float | None:
    if width_m is None or found.first is None or found.most is None or number.net < FLOW_NEEDS:
        return None
    seconds = max(found.most.seconds - found.first.seconds, 0.1)
    return round(0.95 * number.net / (width_m * seconds), 2)


def bottleneck(results: Sequence[ExitResult]) -> str | None:
    """The exit whose 95 % passed last: where the others had to wait for it."""
    used = [(r.most.seconds, r.id) for r in results if r.most is not None]
    return max(used)[1] if len(used) > 1 else None
