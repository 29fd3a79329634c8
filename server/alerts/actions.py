"""What a person does to an alert: acknowledge, comment, reset, shelve."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select

from contracts.vocabulary import NEVER_SHELVED, Hazard, Severity
from server.alerts.alert import Alert, AlertHook, Change
from server.alerts.rules import Step, cleared
from server.alerts.store import from_row, load, save
from server.alerts.tables import IS_OPEN, alert_actions, alerts
from server.errors import RefusedError

LONGEST_SHELF = timedelta(hours=24)
MAY_BE_CONFIRMED = frozenset({Hazard.FLAME, Hazard.SMOKE, Hazard.HEAT})


@dataclass(frozen=True, slots=True)
class By:
    """Who acts, when, and how the ledger hears of it."""

    user: str
    at: datetime
    hook: AlertHook


def acknowledge(connection: Connection, alert_id: str, by: By, comment: str = "") -> Alert:
    """Record that a person knows; doing so twice changes nothing."""
    alert = load(connection, alert_id, lock=True)
    if alert.acked:
        return alert
    after = replace(alert, acked=True, acked_at=by.at, acked_by=by.user, comment=comment or alert.comment)
    return _record(connection, after, Change.ACKED, by, comment)


def comment(connection: Connection, alert_id: str, by: By, text: str) -> Alert:
    """Write a comment to an alert, open or closed; the older ones stay in its actions."""
    return _record(connection, replace(load(connection, alert_id, lock=True), comment=text), Change.COMMENTED, by, text)


def reset(connection: Connection, alert_id: str, by: By) -> Alert:
    """Reset a latched alert: cleared if its point is normal again, else as soon as it is. Also acknowledges it."""
    alert = load(connection, alert_id, lock=True)
    if not alert.latched:
        raise RefusedError(f"alert {alert_id}: {alert.kind} does not latch; it clears by itself")
    if not alert.active:
        raise RefusedError(f"alert {alert_id}: is cleared already")
    after = replace(alert, reset_at=by.at, reset_by=by.user)
    if not alert.acked:
        after = replace(after, acked=True, acked_at=by.at, acked_by=by.user)
    if alert.normal_at is not None:
        after = cleared(after, by.at)
    return _record(connection, after, Change.RESET, by, "")


def confirm(connection: Connection, alert_id: str, by: By) -> Alert:
    """A person sees the fire that a camera or a pre-alarm only suspects: an advisory becomes a critical alarm."""
    alert = load(connection, alert_id, lock=True)
    if alert.kind not in MAY_BE_CONFIRMED or alert.severity != Severity.ADVISORY:
        raise RefusedError(f"alert {alert_id}: is no advisory of fire; there is nothing to confirm")
    if not alert.active:
        raise RefusedError(f"alert {alert_id}: is over already; press a call point, or call 119")
    after = replace(alert, severity=Severity.CRITICAL.value, reason="confirmed", acked=False, comment=by.user)
    return _record(connection, after, Change.REPEATED, by, "confirmed")


def shelve(
    connection: Connection, alert_id: str, by: By, minutes: float, reason: str, since: datetime | None = None
) -> Alert:
    """Put an alert aside for a time, with a reason; never fire, gas, CO or one-key alarms.

    `since` is the present moment by a clock that no step of the wall clock moves: the one `end_shelves` is asked with.
    """
    alert = load(connection, alert_id, lock=True)
    if alert.kind in NEVER_SHELVED:
        raise RefusedError(f"alert {alert_id}: {alert.kind} may never be shelved")
    time = timedelta(minutes=minutes)
    if not timedelta() < time <= LONGEST_SHELF:
        raise RefusedError(f"alert {alert_id}: a shelf holds for up to {LONGEST_SHELF}, not {time}")
    after = replace(alert, shelved_until=(since or by.at) + time, comment=f"{by.user}：{reason}")
    return _record(connection, after, Change.SHELVED, by, reason)


def unshelve(connection: Connection, alert_id: str, by: By) -> Alert:
    """Take an alert off the shelf before its time; one that is on none stays as it is."""
    alert = load(connection, alert_id, lock=True)
    if alert.shelved_until is None:
        return alert
    return _record(connection, replace(alert, shelved_until=None), Change.UNSHELVED, by, "")


def end_shelves(connection: Connection, now: datetime, hook: AlertHook, steady: datetime | None = None) -> int:
    """Take alerts whose time is over off the shelf, by the `steady` clock if there is one; return how many."""
    ended = select(alerts).where(IS_OPEN, alerts.c.shelved_until <= (steady or now)).with_for_update()
    over = connection.execute(ended).mappings().all()
    for row in over:
        save(connection, Step(replace(from_row(row), shelved_until=None), Change.UNSHELVED), now, hook)
    return len(over)


def _record(connection: Connection, alert: Alert, change: Change, by: By, text: str) -> Alert:
    values = {"alert": alert.id, "at": by.at, "by": by.user, "action": change.value, "text": text}
    connection.execute(insert(alert_actions).values(values))
    return save(connection, Step(alert, change), by.at, by.hook)
