"""When a step is due, and whom an overdue entry has reached by now. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from config.judgement import Judgement, Rung
from server.ledger.entry import Entry, State


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell one rung of the roster. `kind` is told once per entry."""

    kind: str
    role: str
    users: tuple[str, ...]
    text: str


def judge_due(entry: Entry, now: datetime, judgement: Judgement) -> datetime:
    """Return the end of the next 周研判; a major hazard is judged at once."""
    timers = judgement.timers
    if judgement.major(entry.grade):
        return now + timedelta(hours=timers.judge_major_hours)
    local = now.astimezone(timers.zone)
    meeting = local.replace(hour=timers.judge_hour, minute=0, second=0, microsecond=0)
    meeting += timedelta(days=(timers.judge_weekday - local.isoweekday()) % 7)
    return meeting if meeting > local else meeting + timedelta(days=7)


def deadline_of(entry: Entry, now: datetime, judgement: Judgement) -> datetime | None:
    """Return the deadline that was set, else the grade's usual one."""
    if entry.deadline is not None:
        return entry.deadline
    days = next((grade.days for grade in judgement.grades if grade.id == entry.grade), None)
    return None if days is None else now + timedelta(days=days)


def notices(entry: Entry, now: datetime, judgement: Judgement, roster: tuple[Rung, ...]) -> tuple[Notice, ...]:
    """Return all that should have been told by now. `roster` is the one snapshotted when the entry fell overdue."""
    if not entry.open or entry.due_at is None or not roster:
        return ()
    kind = f"{entry.state}-{int(entry.due_at.timestamp())}"
    if now > entry.due_at:
        return _climb(entry, now, judgement, roster, kind)
    if entry.assigned_at is None or entry.state not in {State.ASSIGNED, State.RECTIFYING}:
        return ()
    share = (now - entry.assigned_at) / (entry.due_at - entry.assigned_at)
    return tuple(
        Notice(f"warn-{int(at * 100)}-{int(entry.due_at.timestamp())}", roster[0].role, (entry.responsible,),
               f"{entry.number}：整改时限已过 {int(at * 100)}%")
        for at in judgement.timers.warn_at
        if share >= at
    )  # fmt: skip


def _climb(
    entry: Entry, now: datetime, judgement: Judgement, roster: tuple[Rung, ...], kind: str
) -> tuple[Notice, ...]:
    if entry.due_at is None:
        return ()
    reached = int((now - entry.due_at) / timedelta(hours=judgement.timers.climb_hours))
    step = {State.FOUND: "登记", State.REGISTERED: "研判", State.JUDGED: "交办"}.get(entry.state, "整改")
    return tuple(
        Notice(f"overdue-{level}-{kind}", rung.role, rung.users, f"{entry.number}：{step}已逾期，提请{rung.zh}督促")
        for level, rung in enumerate(roster)
        if level <= reached
    )
