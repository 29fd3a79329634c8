"""Evidence of an entry: readings a minute either side of its alert, what was done with the alert, which camera saw it.

The readings go into the journal when the minute after is over, so that they are chained like every other step.
A picture is never kept in it: `cameras_near` says which recorder to look at, and for when. The still of an alarm, where
the school turned stills on, is named by its hash; it lies in a file of its own and goes when its days are over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Connection, select, update

from contracts.vocabulary import SensorKind
from server.alerts.tables import alerts
from server.errors import ServerError
from server.history.latest import Key
from server.history.series import Kept
from server.ledger import journal, store
from server.ledger.entry import Entry
from server.ledger.tables import joined
from server.presence.tables import points
from server.stills.tables import stills

AROUND = timedelta(seconds=60)
ARRIVING = timedelta(seconds=10)  # readings of the last second are still on their way
FORGET = timedelta(days=7)  # so long a history may be away
PATIENCE_S = 10.0  # a tick
MOST_READINGS, MOST_A_TICK = 240, 50
KEEPER = "取证"
_CAMERAS = (SensorKind.CAMERA.value, SensorKind.ZONE.value, SensorKind.LINE.value)
_TRAIL = ("kind", "severity", "name", "place", "began_at", "received_at", "cleared_at", "acked_at", "acked_by",
          "comment", "reset_at", "reset_by", "count", "value", "unit", "reason", "simulated", "late")  # fmt: skip


class History(Protocol):
    """What is asked of a history; it may be slow, and away."""

    def read(self, key: Key, begin: datetime, end: datetime, limit: int) -> Sequence[Kept]: ...
    def behind_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Due:
    """An alert whose minute after is over, and whose readings are not in the journal yet."""

    alert: str
    hazard: int
    key: Key
    began_at: datetime
    unit: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What the history had around it."""

    due: Due
    readings: Sequence[Kept]


def due(connection: Connection, now: datetime) -> Sequence[Due]:
    """Return the alerts whose readings are to be looked up, oldest first."""
    query = (
        select(joined.c.alert, joined.c.hazard, *(alerts.c[n] for n in ("site", "agent", "point", "began_at", "unit")))
        .join(alerts, alerts.c.id == joined.c.alert)
        .where(joined.c.evidence_at.is_(None), joined.c.at <= now - AROUND - ARRIVING, joined.c.at > now - FORGET)
        .order_by(joined.c.at)
        .limit(MOST_A_TICK)
    )
    return [
        Due(row.alert, row.hazard, (row.site, row.agent, row.point), row.began_at, row.unit)
        for row in connection.execute(query)
    ]


def look(wanted: Sequence[Due], history: History, mono_s: Callable[[], float] = time.monotonic) -> Sequence[Seen]:
    """Look readings up, outside of any transaction: nobody waits for a slow history but the evidence itself.

    What cannot be read now, or is still on its way to the history, is due again at the next tick.
    """
    found: list[Seen] = []
    until_s = mono_s() + PATIENCE_S
    for one in wanted:
        if mono_s() > until_s or history.behind_s() > ARRIVING.total_seconds():
            break
        try:
            seen = history.read(one.key, one.began_at - AROUND, one.began_at + AROUND, MOST_READINGS)
        except ServerError:
            break
        found.append(Seen(one, seen))
    return found


def attach(connection: Connection, found: Sequence[Seen], now: datetime) -> int:
    """Write what was looked up into the journal, once for each alert; return how many were written now."""
    written = 0
    for seen in found:
        one = seen.due
        marked = update(joined).where(joined.c.alert == one.alert, joined.c.evidence_at.is_(None))
        if not connection.execute(marked.values(evidence_at=now)).rowcount:
            continue  # another process was quicker
        entry = store.get(connection, one.hazard, lock=True)
        body: dict[str, dict[str, Any]] = {
            "evidence": {
                "alert": one.alert, "point": "/".join(one.key), "began_at": journal.moment(one.began_at),
                "unit": one.unit, "readings": [[journal.moment(at), value] for at, value in seen.readings],
            }
        }  # fmt: skip
        if (still := stills_of(connection, [one.alert]).get(one.alert)) is not None:
            body["evidence"]["still"] = {**still, "at": journal.moment(still["at"])}
        store.touch(connection, entry, entry, KEEPER, now, "evidence", body)
        written += 1
    return written


def alerts_of(connection: Connection, hazard: int) -> list[dict[str, Any]]:
    """Return the alerts of an entry with who acknowledged them and when, oldest first."""
    query = select(alerts.c.id, *(alerts.c[name] for name in _TRAIL)).join(joined, joined.c.alert == alerts.c.id)
    found = connection.execute(query.where(joined.c.hazard == hazard).order_by(alerts.c.received_at).limit(100))
    return [dict(row) for row in found.mappings()]


def stills_of(connection: Connection, of: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return which alerts have a still: named by its hash, which lives on in the journal when the still is gone."""
    c = stills.c
    found = connection.execute(select(c.alert, c.camera, c.at, c.sha256).where(c.alert.in_(of)))
    return {row.alert: {"camera": row.camera, "at": row.at, "sha256": row.sha256} for row in found}


def cameras_near(connection: Connection, entry: Entry) -> list[dict[str, Any]]:
    """Return the cameras that look at an entry's place, and the moment to look for on the school's own recorder."""
    if not entry.place:
        return []
    c = points.c
    looks = select(c.agent, c.id, c.name, c.place).where(c.site == entry.site, c.kind.in_(_CAMERAS), ~c.gone)
    own = (c.agent == entry.agent) & (c.id == entry.point)
    near = looks.where((c.place == entry.place) | own).order_by(c.agent, c.id).limit(5)
    return [{**dict(row), "at": entry.found_at} for row in connection.execute(near).mappings()]
