"""Evidence of an entry: readings a minute either side of its alert, what was done with the alert, which camera saw it.

The readings go into the journal when the minute after is over, so that they are chained like every other step.
A picture is never kept here: `cameras_near` says which recorder to look at, and for when.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from contracts.vocabulary import SensorKind
from server.alerts.tables import alerts
from server.errors import ServerError
from server.history.latest import Key
from server.ledger import journal, store
from server.ledger.entry import Entry
from server.ledger.tables import joined
from server.presence.tables import points

AROUND = timedelta(seconds=60)
ARRIVING = timedelta(seconds=10)  # readings of the last second are still on their way
FORGET = timedelta(days=1)  # a server that was off longer finds no readings anyway
MOST_READINGS, MOST_A_TICK = 240, 50
KEEPER = "取证"
_CAMERAS = (SensorKind.CAMERA.value, SensorKind.ZONE.value, SensorKind.LINE.value)
_TRAIL = ("kind", "severity", "name", "place", "began_at", "received_at", "cleared_at", "acked_at", "acked_by",
          "comment", "reset_at", "reset_by", "count", "value", "unit", "reason", "simulated", "late")  # fmt: skip

Read = Callable[[Key, datetime, datetime, int], Sequence[tuple[datetime, float | str | None]]]


def gather(connection: Connection, read: Read, now: datetime) -> int:
    """Write the readings around every alert whose window has closed, once each; return how many."""
    due = (
        select(joined.c.alert, joined.c.hazard, *(alerts.c[n] for n in ("site", "agent", "point", "began_at", "unit")))
        .join(alerts, alerts.c.id == joined.c.alert)
        .where(joined.c.evidence_at.is_(None), joined.c.at <= now - AROUND - ARRIVING, joined.c.at > now - FORGET)
        .order_by(joined.c.at)
        .limit(MOST_A_TICK)
    )
    rows = connection.execute(due).all()
    for n, row in enumerate(rows):
        key = (row.site, row.agent, row.point)
        try:
            seen = read(key, row.began_at - AROUND, row.began_at + AROUND, MOST_READINGS)
        except ServerError:  # no history to read yet: asked again at the next tick
            return n
        entry = store.get(connection, row.hazard, lock=True)
        body = {
            "evidence": {
                "alert": row.alert, "point": "/".join(key), "began_at": journal.moment(row.began_at),
                "unit": row.unit, "readings": [[journal.moment(at), value] for at, value in seen],
            }
        }  # fmt: skip
        store.touch(connection, entry, entry, KEEPER, now, "evidence", body)
        connection.execute(update(joined).where(joined.c.alert == row.alert).values(evidence_at=now))
    return len(rows)


def alerts_of(connection: Connection, hazard: int) -> list[dict[str, Any]]:
    """Return the alerts of an entry with who acknowledged them and when, oldest first."""
    query = select(alerts.c.id, *(alerts.c[name] for name in _TRAIL)).join(joined, joined.c.alert == alerts.c.id)
    found = connection.execute(query.where(joined.c.hazard == hazard).order_by(alerts.c.received_at).limit(100))
    return [dict(row) for row in found.mappings()]


def cameras_near(connection: Connection, entry: Entry) -> list[dict[str, Any]]:
    """Return the cameras that look at an entry's place, and the moment to look for on the school's own recorder."""
    if not entry.place:
        return []
    c = points.c
    looks = select(c.agent, c.id, c.name, c.place).where(c.site == entry.site, c.kind.in_(_CAMERAS), ~c.gone)
    own = (c.agent == entry.agent) & (c.id == entry.point)
    near = looks.where((c.place == entry.place) | own).order_by(c.agent, c.id).limit(5)
    return [{**dict(row), "at": entry.found_at} for row in connection.execute(near).mappings()]
