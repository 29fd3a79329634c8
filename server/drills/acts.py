"""Acts in the journal of a drill: append one, read them back."""

from __future__ import annotations

from datetime import datetime
from typing import Any, assert_never

from pydantic import TypeAdapter
from sqlalchemy import Connection, select

from server.database import insert_new
from server.drills.clocks import Moment, Trust
from server.drills.inputs import Act, Arrived, Ended, Plan, Reported, Signal, Start, Voided
from server.drills.tables import drill_acts

PLAN = TypeAdapter(Plan)


def append(connection: Connection, drill: str, act: Act, by: str, received_at: datetime) -> bool:
    """Write one act; False where its id is known already: saying it again changes nothing."""
    kind, body = _columns(act)
    values = {
        "drill": drill,
        "id": act.id,
        "kind": kind,
        "at_s": act.when.at_s,
        "plus_minus_s": act.when.plus_minus_s,
        "trust": act.when.trust.value,
        "body": body,
        "by": by,
        "received_at": received_at,
    }
    return insert_new(connection, drill_acts, values)


def read(connection: Connection, drill: str) -> tuple[Act, ...]:
    """Everything that was said in a drill."""
    rows = connection.execute(select(drill_acts).where(drill_acts.c.drill == drill).order_by(drill_acts.c.n))
    return tuple(_act(row) for row in rows)


def _columns(act: Act) -> tuple[str, dict[str, Any]]:
    match act:
        case Start():
            return "start", {"signal": act.signal.value, "source": act.source}
        case Arrived():
            return "arrived", {"class_id": act.class_id}
        case Reported():
            numbers = {"expected": act.expected, "present": act.present, "excused": act.excused}
            return "reported", {"class_id": act.class_id, **numbers, "by": act.by}
        case Ended():
            return "ended", {"by": act.by}
        case Voided():
            return "voided", {"by": act.by, "reason": act.reason}
        case _:
            assert_never(act)


def _act(row: Any) -> Act:
    when = Moment(row.at_s, row.plus_minus_s, Trust(row.trust))
    body: dict[str, Any] = row.body
    match row.kind:
        case "start":
            return Start(row.id, Signal(body["signal"]), when, body["source"])
        case "arrived":
            return Arrived(row.id, body["class_id"], when)
        case "reported":
            numbers = (body["expected"], body["present"], body["excused"])
            return Reported(row.id, body["class_id"], when, *numbers, by=body["by"])
        case "ended":
            return Ended(row.id, when, body["by"])
        case "voided":
            return Voided(row.id, when, body["by"], body["reason"])
        case other:
            raise ValueError(f"drill {row.drill}: act {row.id} is of an unknown kind {other!r}")
