"""The closed loop as one table: from, to, action, roles, guards. Pure: it reads no clock and no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from config.judgement import Judgement
from server.accounts.permissions import Role
from server.ledger import guards
from server.ledger.entry import OPEN, STATE_NAMES, Entry, State
from server.ledger.guards import Actor, Guard, Step
from server.ledger.timers import deadline_of, judge_due

SCHOOL = frozenset({Role.SAFETY, Role.PRINCIPAL})
ABOVE = frozenset({Role.COUNTY, Role.CITY})
FIXERS = SCHOOL | {Role.GRID, Role.SECURITY, Role.GATEKEEPER, Role.TEACHER, Role.TECHNICIAN}
UNJUDGED = frozenset({State.FOUND, State.REGISTERED, State.JUDGED})

FINDING = ("place", "grid", "description", "category", "basis")
JUDGING = ("category", "grade", "layer", "term", "clause")
ORDER = ("responsible_unit", "responsible", "measures", "deadline", "funds", "plan", "interim")


@dataclass(frozen=True, slots=True)
class Transition:
    """One way on. `target` None stays in the state. `fields` are all this action may write."""

    action: str
    zh: str
    sources: frozenset[State]
    target: State | None
    roles: frozenset[Role]
    guards: tuple[Guard, ...] = ()
    fields: tuple[str, ...] = ()


def _from(*states: State) -> frozenset[State]:
    return frozenset(states)


TRANSITIONS: tuple[Transition, ...] = (
    Transition("edit", "补充", OPEN, None, FIXERS | ABOVE, (guards.no_downgrade,), (*FINDING, "interim")),
    Transition("register", "登记", _from(State.FOUND), State.REGISTERED, SCHOOL | ABOVE | {Role.GRID},
               (guards.needs("place", "description", "category"),), FINDING),
    Transition("judge", "研判", _from(State.REGISTERED, State.JUDGED), State.JUDGED, SCHOOL | ABOVE,
               (guards.three_parts, guards.no_downgrade), (*JUDGING, *ORDER)),
    Transition("assign", "交办", _from(State.JUDGED), State.ASSIGNED, SCHOOL | ABOVE,
               (guards.three_parts, guards.three_clear, guards.needs("interim"), guards.major_needs,
                guards.no_downgrade, guards.deadline_ahead), ORDER),
    Transition("start", "开始整改", _from(State.ASSIGNED), State.RECTIFYING, FIXERS | ABOVE, (), ()),
    Transition("submit", "申请验收", _from(State.RECTIFYING), State.SUBMITTED, FIXERS | ABOVE,
               (guards.needs("result"),), ("result",)),
    Transition("accept", "验收合格", _from(State.SUBMITTED), State.ACCEPTED, SCHOOL | ABOVE,
               (guards.not_the_rectifier, guards.needs("conclusion")), ("conclusion",)),
    Transition("return", "退回", _from(State.SUBMITTED), State.RECTIFYING, SCHOOL | ABOVE,
               (guards.not_the_rectifier, guards.reason), ("reason",)),
    Transition("close", "销号", _from(State.ACCEPTED), State.CLOSED, SCHOOL | ABOVE,
               (guards.not_the_rectifier, guards.verified), ()),
    Transition("archive", "归档", _from(State.CLOSED), State.ARCHIVED, SCHOOL | ABOVE, (), ()),
    Transition("extend", "延期", _from(State.ASSIGNED, State.RECTIFYING), None, ABOVE | {Role.PRINCIPAL},
               (guards.major_above, guards.reason, guards.later_deadline), ("deadline", "reason")),
    Transition("escalate", "升级/挂牌", OPEN, None, ABOVE | {Role.PRINCIPAL},
               (guards.reason, guards.needs("supervision")), ("supervision", "reason", "term")),
    Transition("false-alarm", "误报", UNJUDGED, State.FALSE_ALARM, SCHOOL | ABOVE,
               (guards.major_above, guards.needs("false_cause"), guards.reason), ("false_cause", "reason")),
    Transition("merge", "合并", UNJUDGED, State.MERGED, SCHOOL | ABOVE,
               (guards.major_above, guards.needs("merged_into"), guards.reason), ("merged_into", "reason")),
    Transition("recur", "复发", _from(State.CLOSED), State.FOUND, SCHOOL | ABOVE | {Role.GRID}, (guards.reason,),
               ("reason",)),
)  # fmt: skip
"""The whole machine. What is not here is forbidden."""

_BY_ACTION = {transition.action: transition for transition in TRANSITIONS}


class ForbiddenError(guards.RuleError):
    """This step does not exist from here, or is not this role's."""

    def __init__(self, text: str, *, role: bool) -> None:
        super().__init__(text)
        self.role = role


def plan(
    before: Entry, action: str, fields: Mapping[str, Any], actor: Actor, judgement: Judgement, now: datetime
) -> Entry:
    """Return the entry as it stands after an action; raise a RuleError that says why it may not be done."""
    transition = _BY_ACTION.get(action)
    if transition is None:
        raise ForbiddenError(f"没有“{action}”这个操作", role=False)
    if before.state not in transition.sources:
        raise ForbiddenError(f"{before.number}：现在是“{STATE_NAMES[before.state]}”，不能“{transition.zh}”", role=False)
    if actor.role not in transition.roles:
        raise ForbiddenError(f"{before.number}：您的角色不能“{transition.zh}”", role=True)
    if foreign := sorted(set(fields) - set(transition.fields)):
        raise guards.MissingError(f"“{transition.zh}”时不能填写：{'、'.join(foreign)}", tuple(foreign))
    guards.check_words(fields, judgement)
    fresh = {"reason": ""} if "reason" in transition.fields else {}  # an old reason is no reason
    after = _moved(
        replace(before, **{**fresh, **fields}, state=transition.target or before.state), action, actor, judgement, now
    )
    step = Step(before, after, actor, judgement, now)
    for guard in transition.guards:
        guard(step)
    return after


def tried(before: Entry, transition: Transition, actor: Actor, judgement: Judgement, now: datetime) -> Step:
    """Return the step as it would be with nothing filled in, for the guards to say what they want."""
    fresh = {"reason": ""} if "reason" in transition.fields else {}
    moved = replace(before, **fresh, state=transition.target or before.state)
    return Step(before, _moved(moved, transition.action, actor, judgement, now), actor, judgement, now)


def choices(entry: Entry, actor: Actor) -> tuple[Transition, ...]:
    """Return what this person could do next; the guards have not been asked yet."""
    return tuple(t for t in TRANSITIONS if entry.state in t.sources and actor.role in t.roles)


def reopened(entry: Entry, now: datetime, judgement: Judgement) -> Entry:
    """Return a closed entry found again: it starts anew, what was done before stays in the journal."""
    return replace(
        entry, state=State.FOUND, recurrence=entry.recurrence + 1, count=entry.count + 1, last_at=now,
        registered_at=None, judged_at=None, judged_by="", assigned_at=None, deadline=None, rectified_at=None,
        rectified_by="", result="", verified_by="", verified_at=None, conclusion="", closed_by="", closed_at=None,
        climb="", due_at=now + timedelta(hours=judgement.timers.register_hours),
    )  # fmt: skip


def _moved(  # noqa: C901, PLR0911 - one short case an action
    after: Entry, action: str, actor: Actor, judgement: Judgement, now: datetime
) -> Entry:
    """Fill in what an action itself says: who, when, and when the next step is due."""
    match action:
        case "register":
            return replace(after, registered_at=now, due_at=judge_due(after, now, judgement))
        case "judge":
            return replace(after, judged_at=now, judged_by=actor.name)
        case "assign":
            deadline = deadline_of(after, now, judgement)
            return replace(after, assigned_at=now, deadline=deadline, due_at=deadline)
        case "submit":
            return replace(after, rectified_at=now, rectified_by=actor.name)
        case "accept":
            return replace(after, verified_at=now, verified_by=actor.name)
        case "return":
            return replace(after, result="", rectified_at=None)
        case "close":
            return replace(after, closed_at=now, closed_by=actor.name, due_at=None, climb="")
        case "extend":
            return replace(after, extensions=after.extensions + 1, due_at=after.deadline, climb="")
        case "false-alarm" | "merge":
            return replace(after, closed_at=now, closed_by=actor.name, due_at=None, climb="")
        case "recur":
            return reopened(after, now, judgement)
        case _:
            return after
