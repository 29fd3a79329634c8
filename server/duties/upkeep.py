"""What a missed duty does: a reminder in time, a notice when missed, a ledger entry where the plan says so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from server.accounts.permissions import Role
from server.database import insert_new
from server.duties.plan import Plan
from server.duties.slots import start_of
from server.duties.tables import notices
from server.duties.tasks import Standing, Task, tasks
from server.ledger.actions import Finding, report
from server.ledger.guards import Actor
from server.ledger.sensors import Ledger

LOOK_BACK = timedelta(days=7)
TOLD = timedelta(days=400)  # a year's task may have been told at its beginning
DUTIES = Actor("履职提醒", Role.ADMIN)
_KINDS = {Standing.WARNED: "remind", Standing.MISSED: "missed"}


def tick(connection: Connection, plan: Plan, ledger: Ledger, sites: tuple[str, ...], now: datetime) -> None:
    """Tell what is due and what was missed, each once. Doing it twice changes nothing."""
    tell(connection, ledger, due(connection, plan, sites, now), now)


def due(connection: Connection, plan: Plan, sites: tuple[str, ...], now: datetime) -> list[Task]:
    """Return what has to be told and was not yet. It only reads, so that the writer need not wait for it."""
    today = now.astimezone(plan.zone).date()
    c = notices.c
    told = {tuple(row) for row in connection.execute(
        select(c.duty, c.site, c.subject, c.slot, c.kind).where(c.at > start_of(today, plan.zone) - TOLD)
    )}  # fmt: skip
    found: list[Task] = []
    for task in tasks(connection, plan, sites, today - LOOK_BACK, today, now):
        kind = _KINDS.get(task.standing)
        if kind is None or task.duty.miss == "nothing" or task.slot.due < task.bearer.since:
            continue
        if (task.duty.id, task.bearer.site, task.bearer.id, task.slot.key, kind) not in told:
            found.append(task)
    return found


def tell(connection: Connection, ledger: Ledger, found: Sequence[Task], now: datetime) -> None:
    """Write down what is told; a miss may open an entry."""
    for task in found:
        if task.standing is Standing.MISSED:
            _missed(connection, task, ledger, now)
        else:
            _tell(connection, task, _KINDS[task.standing], f"{task.bearer.name}：{task.duty.zh}尚未完成", now)


def _missed(connection: Connection, task: Task, ledger: Ledger, now: datetime) -> None:
    words = f"{task.bearer.name}：{task.duty.zh}缺项（{task.slot.key}）"
    if not _tell(connection, task, "missed", words, now) or task.duty.miss != "entry" or not task.bearer.site:
        return
    entry = report(
        connection,
        ledger,
        Finding(
            task.bearer.site, "duty", words, place=task.bearer.name, category=task.duty.category,
            cause=f"duty/{task.duty.id}/{task.bearer.id}",
        ),
        DUTIES,
    )  # fmt: skip
    key = (notices.c.duty == task.duty.id) & (notices.c.site == task.bearer.site) & (notices.c.kind == "missed")
    same = key & (notices.c.subject == task.bearer.id) & (notices.c.slot == task.slot.key)
    connection.execute(update(notices).where(same).values(hazard=entry.id))


def _tell(connection: Connection, task: Task, kind: str, text: str, now: datetime) -> bool:
    row = {
        "duty": task.duty.id, "site": task.bearer.site, "subject": task.bearer.id, "slot": task.slot.key,
        "kind": kind, "at": now, "text": text,
    }  # fmt: skip
    return insert_new(connection, notices, row)
