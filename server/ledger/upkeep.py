"""What time does to the ledger, once a minute: faults that lasted, reminders, climbing, signed heads."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import TypeAdapter
from sqlalchemy import Connection, delete, or_, select, update

from config.judgement import Rung
from server.accounts.reach import covering
from server.accounts.tables import user_reach, users
from server.alerts.alert import Alert
from server.alerts.tables import alerts
from server.database import insert_new
from server.ledger import seal, store, yearly
from server.ledger.entry import Entry, State, from_row
from server.ledger.sensors import Ledger, point_kind
from server.ledger.tables import IS_OPEN, hazards, notices, waiting
from server.ledger.timers import notices as due_notices

CLOCK = "时限提醒"
_ROSTER = TypeAdapter(tuple[Rung, ...])
_ALERT_FIELDS = tuple(f.name for f in fields(Alert) if f.init)


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What a tick needs. `key` and `data` are for the heads; without them none is signed."""

    ledger: Ledger
    key: Ed25519PrivateKey | None = None
    data: Path | None = None


def tick(connection: Connection, upkeep: Upkeep) -> None:
    """Do all that is due, in the caller's transaction. Doing it twice changes nothing."""
    now = upkeep.ledger.clock()
    lasted(connection, upkeep.ledger, now)
    remind(connection, upkeep.ledger, now)
    yearly.turn(connection, upkeep.ledger, now)
    if upkeep.key is not None and upkeep.data is not None:
        zone = upkeep.ledger.judgement.timers.zone
        seal.seal_day(connection, upkeep.key, now.astimezone(zone).date().isoformat())


def lasted(connection: Connection, ledger: Ledger, now: datetime) -> None:
    """Open the entries of alerts that have stood long enough; forget those that ended."""
    due = select(*(alerts.c[name] for name in _ALERT_FIELDS)).join(waiting, waiting.c.alert == alerts.c.id)
    for row in connection.execute(due.where(waiting.c.due_at <= now)).all():
        alert = Alert(**dict(row._mapping))  # noqa: SLF001 - SQLAlchemy's public way to a row's columns
        rule = ledger.judgement.rule(alert.kind, alert.severity, point_kind(connection, alert))
        if alert.active and rule is not None and rule.entry:
            hazard = ledger.enter(connection, alert, rule, "alert-lasted")
            connection.execute(update(alerts).where(alerts.c.id == alert.id).values(hazard=hazard))
        connection.execute(delete(waiting).where(waiting.c.alert == alert.id))
    connection.execute(delete(waiting).where(waiting.c.due_at <= now))


def remind(connection: Connection, ledger: Ledger, now: datetime) -> None:
    """Write the notices that are due, each once; snapshot the roster when an entry falls overdue."""
    moving = hazards.c.state.in_([State.ASSIGNED.value, State.RECTIFYING.value])
    standing = select(hazards).where(IS_OPEN, or_(hazards.c.due_at < now, moving))
    for row in connection.execute(standing).all():
        entry = from_row(row)
        if entry.due_at is not None and now > entry.due_at and not entry.climb:
            snapshot = _ROSTER.dump_json(_named(connection, ledger.judgement.roster, entry.site)).decode()
            entry = store.touch(connection, entry, replace(entry, climb=snapshot), CLOCK, now, "overdue", {})
        _tell(connection, ledger, entry, now)


def _tell(connection: Connection, ledger: Ledger, entry: Entry, now: datetime) -> None:
    roster = _ROSTER.validate_json(entry.climb) if entry.climb else ledger.judgement.roster
    for notice in due_notices(entry, now, ledger.judgement, roster):
        row = {
            "hazard": entry.id, "kind": notice.kind, "at": now, "role": notice.role, "text": notice.text,
            "users": json.dumps(notice.users, ensure_ascii=False),
        }  # fmt: skip
        if insert_new(connection, notices, row):
            told = {"notice": notice.kind, "role": notice.role, "users": list(notice.users)}
            store.touch(connection, entry, entry, CLOCK, now, "notice", told)


def _named(connection: Connection, roster: tuple[Rung, ...], site: str) -> tuple[Rung, ...]:
    """Return the roster with the names of today in it."""
    here = select(user_reach.c.user).where(covering([site]))
    people = select(users.c.name).where(~users.c.disabled, users.c.id.in_(here)).order_by(users.c.name)
    return tuple(
        rung
        if rung.users
        else rung.model_copy(
            update={"users": tuple(connection.execute(people.where(users.c.role == rung.role)).scalars())}
        )
        for rung in roster
    )
