"""Doors that people hold open as they walk out in a drill: of the drill, and real if they are open long after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, select

from contracts.vocabulary import Hazard
from server.alerts.alert import AlertHook, Change
from server.alerts.rules import Step, is_held_door
from server.alerts.store import load, save
from server.alerts.tables import IS_OPEN, alerts
from server.drills.store import LONGEST_S, Drill
from server.drills.tables import drills
from server.records import altered

DOORS = (Hazard.FIRE_DOOR.value, Hazard.DOOR.value)
RETURN_S = 600.0
"""Everybody walks back in by the same doors; a door may be held open for as long outside of drills, too."""


@dataclass(frozen=True, slots=True)
class OpenDoor:
    """A door that was held open in a drill."""

    name: str
    place: str
    since: datetime
    until: datetime | None  # None: it is open still


def in_drill(connection: Connection, drill: Drill) -> Sequence[OpenDoor]:
    """Return the doors that were held open while a drill ran, the first first."""
    if drill.begun_s is None:
        return ()
    during = alerts.c.received_at.between(_utc(drill.begun_s), _utc(_ended_s(drill.begun_s, drill.finished_at)))
    query = select(alerts).where(alerts.c.site == drill.site, during, alerts.c.kind.in_(DOORS))
    return [
        OpenDoor(row.name, row.place, row.began_at, row.cleared_at)
        for row in connection.execute(query.order_by(alerts.c.received_at))
        if is_held_door(row.kind, row.severity, row.reason)
    ]


def left_open(connection: Connection, now_s: float) -> Sequence[str]:
    """Return the alerts of doors that are open still, though the drill they were opened in was over `RETURN_S` ago."""
    marked = select(alerts).where(IS_OPEN, alerts.c.active, alerts.c.drill, alerts.c.kind.in_(DOORS))
    rows = [row for row in connection.execute(marked) if is_held_door(row.kind, row.severity, row.reason)]
    over = {site: _is_over(connection, site, now_s) for site in {row.site for row in rows}}
    return [row.id for row in rows if over[row.site]]


def stand(connection: Connection, alert: str, now: datetime, hook: AlertHook) -> None:
    """Make the alert of a door a real one, which wants a person anew; one that was closed meanwhile stays as it is."""
    found = load(connection, alert, lock=True)
    if found.active and found.drill:
        save(connection, Step(altered(found, drill=False, acked=False), Change.REPEATED), now, hook)


def _is_over(connection: Connection, site: str, now_s: float) -> bool:
    last = (
        select(drills.c.begun_s, drills.c.finished_at)
        .where(drills.c.site == site, drills.c.begun_s.is_not(None))
        .order_by(drills.c.begun_s.desc())
        .limit(1)
    )
    row = connection.execute(last).one_or_none()
    return row is None or _ended_s(row.begun_s, row.finished_at) + RETURN_S <= now_s


def _ended_s(begun_s: float, finished_at: datetime | None) -> float:
    return finished_at.timestamp() if finished_at is not None else begun_s + LONGEST_S


def _utc(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, tz=UTC)
