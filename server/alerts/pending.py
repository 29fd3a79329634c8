"""The alerts one batch is about: read together before it, written together after it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime
from operator import attrgetter
from typing import Any, ClassVar, Self

from sqlalchemy import Connection, RowMapping, func, select

from server.alerts.alert import Alert
from server.alerts.tables import IS_OPEN, alerts, point_states
from server.batch import Batch, Key
from server.bulk import insert_rows, update_rows, upsert_rows
from server.changes import Feed
from server.lookup import Lookup

_FIELDS = tuple(f.name for f in fields(Alert) if f.init)
_GET = attrgetter(*_FIELDS)
_KEY = ("site", "agent", "point", "kind")
_FIXED = (*_KEY, "name", "place", "grid", "began_at", "received_at", "simulated", "latched")
_GET_FIXED = attrgetter(*_FIXED)
_MOVING = tuple(name for name in (*_FIELDS, "open") if name not in _FIXED)
_GET_MOVING = attrgetter(*_MOVING)
_POSITIONS = Lookup(
    [point_states.c[name] for name in _KEY],
    select(*(point_states.c[name] for name in (*_KEY, "epoch", "seq"))).where,
)
_STANDING = Lookup(
    [alerts.c[name] for name in _KEY],
    lambda ours: select(*(alerts.c[name] for name in _FIELDS)).where(ours, IS_OPEN).with_for_update(),
)


@dataclass(frozen=True, slots=True)
class Position:
    """Where in its agent's gapless sequence a signal stands."""

    epoch: str
    seq: int


@dataclass(slots=True)
class Heard:
    """What is known of each point and hazard; `opened` and `changed` wait to be written."""

    rank: ClassVar[int] = 30
    positions: dict[Key, Position | None] = field(default_factory=dict[Key, Position | None])
    standing: dict[Key, Alert | None] = field(default_factory=dict[Key, Alert | None])
    moved: dict[Key, bool] = field(default_factory=dict[Key, bool])
    opened: dict[str, Alert] = field(default_factory=dict[str, Alert])
    changed: dict[str, Alert] = field(default_factory=dict[str, Alert])
    renamed: set[str] = field(default_factory=set[str])  # of the changed ones: more than an event changes
    shelves: dict[Key, datetime] | None = None

    @classmethod
    def load(cls, connection: Connection, batch: Batch) -> Self:
        heard = cls()
        if batch.keys:
            heard.read(connection, batch.keys)
        return heard

    def read(self, connection: Connection, keys: Iterable[Key]) -> None:
        """Take over what the tables say of these keys."""
        wanted = list(keys)
        self.positions |= dict.fromkeys(wanted)
        self.standing |= dict.fromkeys(wanted)
        for row in _POSITIONS.rows(connection, wanted):
            self.positions[row.site, row.agent, row.point, row.kind] = Position(row.epoch, row.seq)
        for row in _STANDING.rows(connection, wanted):
            alert = Alert(*row)
            self.standing[key_of(alert)] = alert

    def know(self, connection: Connection, key: Key) -> None:
        """Make sure that a key was read."""
        if key not in self.standing:
            self.read(connection, [key])

    def move(self, key: Key, position: Position, *, active: bool) -> None:
        self.positions[key] = position
        self.moved[key] = active

    def put(self, alert: Alert, *, is_new: bool) -> None:
        """Keep an alert's newest state until the flush."""
        key = key_of(alert)
        if is_new or alert.id in self.opened:
            self.opened[alert.id] = alert
        else:
            self.changed[alert.id] = alert
            before = self.standing.get(key)
            if before is None or before.id != alert.id or _GET_FIXED(before) != _GET_FIXED(alert):
                self.renamed.add(alert.id)
        self.standing[key] = alert if alert.open else None

    def waiting(self, site: str, agent: str) -> dict[str, Alert]:
        """What this batch knows of an agent's alerts by id, written or not."""
        known = {**self.opened, **self.changed, **{one.id: one for one in self.standing.values() if one is not None}}
        return {id_: one for id_, one in known.items() if (one.site, one.agent) == (site, agent)}

    def shelf(self, connection: Connection, key: Key, now: datetime) -> datetime | None:
        """Say until when a point's hazard is shelved."""
        if self.shelves is None:
            columns = [alerts.c[name] for name in _KEY]
            until = func.max(alerts.c.shelved_until, type_=alerts.c.shelved_until.type).label("until")
            rows = connection.execute(select(*columns, until).where(alerts.c.shelved_until > now).group_by(*columns))
            self.shelves = {(row.site, row.agent, row.point, row.kind): row.until for row in rows}
        until = self.shelves.get(key)
        return until if until is not None and until > now else None

    def flush(self, connection: Connection, batch: Batch) -> None:
        feed = batch.part(connection, Feed)
        if self.moved:
            rows = [self._state(key, active) for key, active in self.moved.items()]
            upsert_rows(connection, point_states, _KEY, rows)
        # Before the insert: an alert that closed makes room for the next of its point.
        if self.renamed:
            whole = [values(alert, feed) for id_, alert in self.changed.items() if id_ in self.renamed]
            update_rows(connection, alerts, "id", whole)
        if moved := [_moving(alert, feed) for id_, alert in self.changed.items() if id_ not in self.renamed]:
            update_rows(connection, alerts, "id", moved)
        if self.opened:
            insert_rows(connection, alerts, [values(alert, feed) for alert in self.opened.values()])

    def _state(self, key: Key, active: bool) -> dict[str, Any]:  # noqa: FBT001
        position = self.positions[key]
        assert position is not None  # noqa: S101 - moved by move() only
        return {
            **dict(zip(_KEY, key, strict=True)), "epoch": position.epoch, "seq": position.seq, "active": active,
        }  # fmt: skip


def key_of(alert: Alert) -> Key:
    """Name the point and hazard of an alert."""
    return alert.site, alert.agent, alert.point, alert.kind


def from_row(row: RowMapping) -> Alert:
    """Make an Alert of its row."""
    return Alert(**{name: row[name] for name in _FIELDS})


def _moving(alert: Alert, feed: Feed) -> dict[str, Any]:
    """Return what an event may change of an alert's row: fewer columns, and none of an index but `open`."""
    row = dict(zip(_MOVING, _GET_MOVING(alert), strict=True))
    row["n"] = feed.number(alert.n)
    return row


def values(alert: Alert, feed: Feed | None = None) -> dict[str, Any]:
    """Return an alert's row."""
    row = dict(zip(_FIELDS, _GET(alert), strict=True))
    row["open"] = alert.open
    if feed is not None:
        row["n"] = feed.number(alert.n)
    return row
