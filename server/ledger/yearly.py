"""January: the register is made anew; open entries move on into it, what was closed is archived with its year."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, or_, select

from server.ledger import store
from server.ledger.entry import State, from_row
from server.ledger.sensors import Ledger
from server.ledger.tables import IS_OPEN, hazards

BATCH = 500
REGISTER = "年度结转"


def turn(connection: Connection, ledger: Ledger, now: datetime) -> int:
    """Move what stands in a register of an earlier year, at most a batch; return how many moved.

    A closed entry is archived only when nothing can find it again: after the days of recurrence.
    """
    timers = ledger.judgement.timers
    year = now.astimezone(timers.zone).year
    settled = (hazards.c.state == State.CLOSED.value) & (
        hazards.c.closed_at < now - timedelta(days=timers.recurrence_days)
    )
    old = select(hazards).where(hazards.c.register < year, or_(IS_OPEN, settled)).order_by(hazards.c.id).limit(BATCH)
    rows = connection.execute(old).all()
    for row in rows:
        entry = from_row(row)
        if entry.open:
            store.touch(connection, entry, replace(entry, register=year), REGISTER, now, "carry", {})
        else:
            store.change(connection, entry, replace(entry, state=State.ARCHIVED), REGISTER, now, "archive")
    return len(rows)
