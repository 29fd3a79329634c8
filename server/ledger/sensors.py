"""Alerts into the ledger: the rule table decides whether one opens an entry, joins one, or waits to see if it lasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from config.judgement import AlertRule, Judgement
from contracts.vocabulary import Hazard
from server.alerts.alert import Alert, Change
from server.ledger import joins, store
from server.ledger.entry import Entry, State
from server.ledger.machine import reopened
from server.ledger.words import describe
from server.presence.watched import point_kind_of
from server.records import altered

SENSOR = "传感器"


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the ledger needs to know besides the alert: how to judge, and the time."""

    judgement: Judgement
    clock: Callable[[], datetime]

    def record_alert(self, connection: Connection, alert: Alert, change: Change) -> int | None:
        """Write an alert's change into the ledger in the caller's transaction; return its entry's id, if it has one."""
        # One that is just raised has its id from us: nothing can have joined by it.
        hazard = None if change is Change.RAISED else joins.joined_by(connection, alert.id)
        match change:
            case Change.RAISED | Change.REPEATED:
                return self._came_on(connection, alert, change, hazard)
            case Change.CLEARED | Change.RESET if hazard is None:
                joins.end_wait(connection, alert.id)
                return None
            case _ if hazard is not None:
                entry = store.get(connection, hazard, lock=True)
                after = _named(entry, alert) if change is Change.NAMED else entry
                by = _person(alert, change)
                store.touch(connection, entry, after, by, self.clock(), f"alert-{change}", {"alert": trail(alert)})
                return hazard
            case _:
                return None

    def _came_on(self, connection: Connection, alert: Alert, change: Change, hazard: int | None) -> int | None:
        rule = self.judgement.rule(alert.kind, alert.severity, point_kind(connection, alert))
        if rule is None or not rule.entry:
            return None
        if hazard is None and rule.after_s > 0 and store.open_of_cause(connection, cause(alert)) is None:
            due = alert.received_at + timedelta(seconds=rule.after_s)
            joins.wait(connection, alert.id, due)
            return None
        return self.enter(connection, alert, rule, f"alert-{change}")

    def enter(self, connection: Connection, alert: Alert, rule: AlertRule, action: str) -> int:
        """Let an alert join the open entry of its cause, re-open a recent one, or open its own."""
        now = self.clock()
        detail = {"alert": trail(alert)}
        last = store.last_of_cause(connection, cause(alert))
        if last is not None and last.merged_into is not None:
            last = store.get(connection, last.merged_into, lock=True)
        if last is not None and last.open:
            again = altered(last, count=last.count + 1, last_at=max(last.last_at, alert.received_at))
            entry = store.touch(connection, last, again, SENSOR, now, action, detail)
        elif last is not None and self._recurs(last, now):
            again = replace(reopened(last, now, self.judgement), last_at=alert.received_at)
            entry = store.change(connection, last, again, SENSOR, now, "recur", detail)
        else:
            entry = self._open(connection, alert, rule, last, now)
        joins.join(connection, alert.id, entry.id, now)
        return entry.id

    def _recurs(self, last: Entry, now: datetime) -> bool:
        days = timedelta(days=self.judgement.timers.recurrence_days)
        return last.state is State.CLOSED and last.closed_at is not None and now - last.closed_at <= days

    def _open(self, connection: Connection, alert: Alert, rule: AlertRule, last: Entry | None, now: datetime) -> Entry:
        timers = self.judgement.timers
        entry = Entry(
            number="", site=alert.site, year=0, register=0, source="sensor", cause=cause(alert), agent=alert.agent,
            point=alert.point, simulated=alert.simulated, found_at=alert.received_at, found_by=SENSOR,
            place=alert.place or alert.name, grid=alert.grid, description=describe(alert), category=rule.category,
            grade=rule.grade or "", clause=rule.clause or "", last_at=alert.received_at,
            due_at=now + timedelta(hours=timers.register_hours),
            recurs_of=last.id if last is not None and last.state in {State.CLOSED, State.ARCHIVED} else None,
        )  # fmt: skip
        return store.open_entry(connection, entry, SENSOR, now, {"alert": trail(alert)}, timers.zone)


def cause(alert: Alert) -> str:
    """One text for one cause: the same hazard at the same point."""
    return f"{alert.site}/{alert.agent}/{alert.point}/{alert.kind}"


def trail(alert: Alert) -> dict[str, Any]:
    """What the journal keeps of an alert."""
    seen: dict[str, Any] = {
        "id": alert.id, "kind": alert.kind, "severity": alert.severity, "began_at": alert.began_at,
        "received_at": alert.received_at, "active": alert.active, "reason": alert.reason, "value": alert.value,
        "unit": alert.unit, "cleared_at": alert.cleared_at, "acked_at": alert.acked_at, "acked_by": alert.acked_by,
        "reset_by": alert.reset_by, "drill": alert.drill, "late": alert.late,
    }  # fmt: skip
    return {key: value for key, value in seen.items() if value is not None and value != ""}  # moments: see `canonical`


def _named(entry: Entry, alert: Alert) -> Entry:
    """Nobody has worked on it yet: its words are the sensor's own, and now it has better ones."""
    if entry.state is not State.FOUND or entry.place not in {"", alert.point}:
        return entry
    place = alert.place or alert.name
    return altered(entry, place=place, grid=entry.grid or alert.grid, description=describe(alert))


def _person(alert: Alert, change: Change) -> str:
    match change:
        case Change.ACKED:
            return alert.acked_by or SENSOR
        case Change.RESET:
            return alert.reset_by or SENSOR
        case _:
            return SENSOR


def point_kind(connection: Connection, alert: Alert) -> str:
    if alert.kind != Hazard.FAULT:
        return ""
    return point_kind_of(connection, alert.site, alert.agent, alert.point)
