"""Alerts in and out of their table; every change goes to the ledger and to the change feed in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, case, insert, select, update

from contracts.vocabulary import NEVER_SHELVED
from server.accounts.reach import EVERYWHERE, Reach
from server.alerts.alert import Alert, AlertHook, Change
from server.alerts.pending import Heard, Position, from_row, values
from server.alerts.rules import PRIORITY, Signal, Step, judge, judge_history
from server.alerts.tables import IS_OPEN, alerts, point_states
from server.alerts.view import payload
from server.batch import Key, part_of
from server.bulk import Raw
from server.changes import announce
from server.database import upsert
from server.errors import UnknownError
from server.ids import fresh_id
from server.records import altered

__all__ = ["Position", "find_open", "from_row", "hear", "listed", "load", "save"]


def hear(connection: Connection, signal: Signal, hook: AlertHook, position: Position | None = None) -> Sequence[Alert]:
    """Apply one signal. A signal older than what was heard of its point before changes no present state."""
    history = position is not None and _is_overtaken(connection, signal, position)
    if position is not None and not history:
        _move(connection, signal, position)
    found = find_open(connection, signal)
    if history:
        steps = judge_history(found, signal, fresh_id())
    else:
        step = judge(found, signal, fresh_id())
        steps = [step] if step is not None else []
    return [save(connection, step, signal.received_at, hook) for step in steps]


def save(connection: Connection, step: Step, now: datetime, hook: AlertHook) -> Alert:
    """Write one change: ledger, feed, row. Return the alert with its new numbers."""
    alert, is_new = step.alert, step.change is Change.RAISED
    if is_new and alert.kind not in NEVER_SHELVED:
        until = _shelf(connection, alert, now)
        alert = alert if until is None else altered(alert, shelved_until=until)
    hazard = hook(connection, alert, step.change)
    told = altered(alert, hazard=hazard) if hazard != alert.hazard else alert
    alert = altered(told, n=announce(connection, now, "alert", told.site, Raw(payload(told, step.change))))
    heard = part_of(connection, Heard)
    if heard is not None:
        heard.put(alert, is_new=is_new)
    elif is_new:
        connection.execute(insert(alerts), values(alert))
    else:
        row = values(alert)
        del row["id"]
        connection.execute(update(alerts).where(alerts.c.id == alert.id).values(row))
    return alert


def find_open(connection: Connection, signal: Signal) -> Alert | None:
    """Return the one open alert of the signal's point and hazard."""
    heard = part_of(connection, Heard)
    if heard is not None:
        heard.know(connection, _key(signal))
        return heard.standing[_key(signal)]
    statement = select(alerts).where(
        alerts.c.site == signal.site,
        alerts.c.agent == signal.agent,
        alerts.c.point == signal.point,
        alerts.c.kind == signal.kind,
        IS_OPEN,
    )
    row = connection.execute(statement.with_for_update()).mappings().one_or_none()
    return None if row is None else from_row(row)


def load(connection: Connection, alert_id: str, *, lock: bool = False) -> Alert:
    """Return one alert; raise UnknownError where none has that id. Who goes on to change it locks it first."""
    query = select(alerts).where(alerts.c.id == alert_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    if row is None:
        raise UnknownError(f"alert {alert_id}: there is none with this id")
    return from_row(row)


def listed(
    connection: Connection,
    *,
    reach: Reach = EVERYWHERE,
    only_open: bool = False,
    limit: int = 200,
    before: int | None = None,
) -> list[Alert]:
    """Return alerts: open ones by priority then age, all of them by newest change. `before` is a change number."""
    statement = select(alerts).where(*reach.where(alerts.c.site))
    if before is not None:
        statement = statement.where(alerts.c.n < before)
    if only_open:
        rank = case({str(s): n for s, n in PRIORITY.items()}, value=alerts.c.severity, else_=1)
        statement = statement.where(IS_OPEN).order_by(rank, alerts.c.began_at)
    else:
        statement = statement.order_by(alerts.c.n.desc())
    return [from_row(row) for row in connection.execute(statement.limit(limit)).mappings()]


def _key(of: Signal | Alert) -> Key:
    return of.site, of.agent, of.point, of.kind


def _move(connection: Connection, signal: Signal, position: Position) -> None:
    heard = part_of(connection, Heard)
    if heard is not None:
        heard.move(_key(signal), position, active=signal.active)
        return
    key = {"site": signal.site, "agent": signal.agent, "point": signal.point, "kind": signal.kind}
    state = {"epoch": position.epoch, "seq": position.seq, "active": signal.active}
    upsert(connection, point_states, key, state)


def _is_overtaken(connection: Connection, signal: Signal, position: Position) -> bool:
    states = point_states.c
    heard = part_of(connection, Heard)
    if heard is not None:
        heard.know(connection, _key(signal))
        newest = heard.positions[_key(signal)]
    else:
        newest = connection.execute(
            select(states.epoch, states.seq).where(
                states.site == signal.site,
                states.agent == signal.agent,
                states.point == signal.point,
                states.kind == signal.kind,
            )
        ).one_or_none()
    return newest is not None and newest.epoch == position.epoch and newest.seq > position.seq


def _shelf(connection: Connection, alert: Alert, now: datetime) -> datetime | None:
    """A shelf put on the last alert of this point and hazard still holds for the next one."""
    heard = part_of(connection, Heard)
    if heard is not None:
        return heard.shelf(connection, _key(alert), now)
    return connection.execute(
        select(alerts.c.shelved_until)
        .where(
            alerts.c.site == alert.site,
            alerts.c.agent == alert.agent,
            alerts.c.point == alert.point,
            alerts.c.kind == alert.kind,
            alerts.c.shelved_until > now,
        )
        .order_by(alerts.c.shelved_until.desc())
        .limit(1)
    ).scalar()
