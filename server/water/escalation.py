"""Escalations beside the alerts: begin one for each new alert at a water, move it on, tell the principal once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from config.water import Waters
from contracts.vocabulary import Severity
from server.accounts.audit import note
from server.alerts.actions import By, comment
from server.alerts.alert import Alert, AlertHook
from server.alerts.store import from_row
from server.alerts.tables import IS_OPEN, alerts
from server.changes import announce
from server.water.stages import Course, Seen, Stage, advance
from server.water.tables import escalations

SYSTEM = "系统"


def tick(connection: Connection, waters: Waters, hook: AlertHook, now: datetime) -> None:
    """Look at every alert that escalates; doing it twice at one instant changes nothing."""
    kinds = {kind for plan in waters.escalation for kind in plan.kinds}
    going = {row.alert: row for row in connection.execute(select(escalations).where(escalations.c.open))}
    rows = connection.execute(select(alerts).where(IS_OPEN, alerts.c.kind.in_(kinds))).mappings()
    standing = {row["id"]: from_row(row) for row in rows}
    for id_, row in going.items():
        alert = standing.get(id_)
        if alert is None:  # acknowledged and cleared since the last look
            _move(connection, row, Seen(active=False, acked=True), None, hook, now)
        else:
            _move(connection, row, _seen(alert), alert, hook, now)
    for alert in standing.values():
        if alert.id not in going and alert.active and not (alert.acked or alert.late or alert.shelved_until):
            _begin(connection, waters, alert, now)


def _seen(alert: Alert) -> Seen:
    return Seen(active=alert.active, acked=alert.acked, urgent=alert.reason == "dwell")


def _begin(connection: Connection, waters: Waters, alert: Alert, now: datetime) -> None:
    plan = waters.plan_of(alert.kind)
    if plan is None or alert.severity == Severity.FAULT:
        return
    before = connection.execute(select(escalations.c.id).where(escalations.c.alert == alert.id).limit(1)).scalar()
    course = Course(plan.dwell_s, plan.ack_s, alert.received_at if before is None else now)
    course = advance(course, _seen(alert), now)
    connection.execute(insert(escalations).values(alert=alert.id, site=alert.site, **_values(course)))
    announce(connection, now, "water", alert.site, {"alert": alert.id, "stage": course.stage.value})


def _move(connection: Connection, row: Any, seen: Seen, alert: Alert | None, hook: AlertHook, now: datetime) -> None:
    before = Course(
        row.dwell_s, row.ack_s, row.began_at, Stage(row.stage), row.lingering_at, row.principal_at, row.ended_at,
        row.ending,
    )  # fmt: skip
    after = advance(before, seen, now)
    if after == before:
        return
    connection.execute(update(escalations).where(escalations.c.id == row.id).values(**_values(after)))
    announce(connection, now, "water", row.site, {"alert": row.alert, "stage": after.stage.value, "open": after.open})
    if alert is not None and after.stage is Stage.PRINCIPAL and before.stage is not Stage.PRINCIPAL:
        words = f"{after.ack_s:g} 秒无人知晓，已上报校长"
        comment(connection, alert.id, By(SYSTEM, now, hook), "；".join(filter(None, (alert.comment, words))))
        note(connection, now, "(server)", "water principal", alert.id, text=f"{alert.site}/{alert.agent}/{alert.point}")


def _values(course: Course) -> dict[str, object]:
    return {
        "stage": course.stage.value, "dwell_s": course.dwell_s, "ack_s": course.ack_s, "began_at": course.began_at,
        "lingering_at": course.lingering_at, "principal_at": course.principal_at, "ended_at": course.ended_at,
        "ending": course.ending, "open": course.open,
    }  # fmt: skip
