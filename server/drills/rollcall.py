"""The roll call: classes arriving and reporting, and when everybody was accounted for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from server.drills.clocks import Moment
from server.drills.exits import span
from server.drills.inputs import Act, Arrived, Plan, PlannedClass, Reported
from server.drills.results import ClassResult, RollCall

OneAct = TypeVar("OneAct", bound=Act)


def each_once(acts: Iterable[OneAct]) -> list[OneAct]:
    """Each act once, by time: a phone may send again what it already sent."""
    once: dict[str, OneAct] = {}
    for act in sorted(acts, key=lambda a: (a.id, a.when.at_s, repr(a))):
        once.setdefault(act.id, act)
    return sorted(once.values(), key=lambda a: (a.when.at_s, a.id))


def arrivals(acts: Sequence[Arrived | Reported]) -> dict[str, Moment]:
    """When each class stood at its place: its first word from there, for a report is given there too."""
    first: dict[str, Moment] = {}
    for act in acts:
        first.setdefault(act.class_id, act.when)
    return first


def accounted(plan: Plan, reports: Sequence[Reported]) -> list[tuple[Moment, bool]]:
    """At each report, whether from then on every class had reported and nobody was missing."""
    latest: dict[str, Reported] = {}
    history: list[tuple[Moment, bool]] = []
    wanted = {c.id for c in plan.classes}
    for report in reports:
        latest[report.class_id] = report
        whole = wanted <= latest.keys() and all(latest[c].missing <= 0 for c in wanted)
        history.append((report.when, whole))
    return history


def roll_call(plan: Plan, acts: Sequence[Arrived | Reported], t0: Moment | None, end: Moment | None) -> RollCall:
    """Where every class stands by its latest word."""
    here = arrivals(acts)
    latest = {act.class_id: act for act in acts if isinstance(act, Reported)}
    classes = tuple(_class(c, here.get(c.id), latest.get(c.id), t0, end) for c in plan.classes)
    return RollCall(
        expected=sum(c.expected - c.excused for c in classes),
        present=sum(c.present or 0 for c in classes),
        excused=sum(c.excused for c in classes),
        missing=sum(max(c.missing or 0, 0) for c in classes),
        reported=sum(c.present is not None for c in classes),
        classes=classes,
    )


def _class(
    planned: PlannedClass, here: Moment | None, report: Reported | None, t0: Moment | None, end: Moment | None
) -> ClassResult:
    return ClassResult(
        id=planned.id,
        name=planned.name,
        stage_id=planned.stage_id,
        expected=report.expected if report else planned.size,
        present=report.present if report else None,
        excused=report.excused if report else 0,
        missing=report.missing if report else None,
        arrived=span(here, t0) if here and t0 else None,
        reported=span(report.when, t0) if report and t0 else None,
        late=bool(here and end and here.at_s > end.at_s),
    )
