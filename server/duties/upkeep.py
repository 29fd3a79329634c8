"""What a missed duty does: a reminder in time, a notice when missed, a ledger entry where the plan says so."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, update

from server.accounts.permissions import Role
from server.database import insert_new
from server.duties.tables import notices
from server.duties.tasks import Plan, Standing, Task, tasks
from server.ledger.actions import Finding, report
from server.ledger.guards import Actor
from server.ledger.sensors import Ledger

LOOK_BACK = timedelta(days=7)
DUTIES = Actor("履职提醒", Role.ADMIN)


def tick(connection: Connection, plan: Plan, ledger: Ledger, sites: tuple[str, ...], now: datetime) -> None:
    """Tell what is due and what was missed, each once. Doing it twice changes nothing."""
    today = now.astimezone(plan.zone).date()
    for task in tasks(connection, plan, sites, today - LOOK_BACK, today, now):
        if task.duty.miss == "nothing" or task.slot.due < task.bearer.since:
            continue
        match task.standing:
            case Standing.WARNED:
                _tell(connection, task, "remind", f"{task.bearer.name}：{task.duty.zh}尚未完成", now)
            case Standing.MISSED:
                _missed(connection, task, ledger, now)
            case Standing.MET | Standing.OPEN:
                pass


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
