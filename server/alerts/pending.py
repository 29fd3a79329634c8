"""The alerts one batch is about: read together before it, written together after it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime
from operator import attrgetter
from typing import Any, ClassVar, Self

from sqlalchemy import Connection, RowMapping, func, select

from server.alerts.alert import Alert
from server.alerts.tables import alerts, point_states
from server.batch import Batch, Key
from server.bulk import among, insert_rows, update_rows, upsert_rows
from server.changes import Feed

_FIELDS = tuple(f.name for f in fields(Alert) if f.init)
_GET = attrgetter(*_FIELDS)
_KEY = ("site", "agent", "point", "kind")
_POSITIONS = select(*(point_states.c[name] for name in (*_KEY, "epoch", "seq")))
_ALERTS = select(*(alerts.c[name] for name in _FIELDS))


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
        states = _POSITIONS.where(among(connection, [point_states.c[name] for name in _KEY], wanted))
        for row in connection.execute(states).all():
            self.positions[row.site, row.agent, row.point, row.kind] = Position(row.epoch, row.seq)
        open_ones = _ALERTS.where(among(connection, [alerts.c[name] for name in _KEY], wanted), alerts.c.open)
        for row in connection.execute(open_ones.with_for_update()).all():
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
        (self.opened if is_new or alert.id in self.opened else self.changed)[alert.id] = alert
        self.standing[key_of(alert)] = alert if alert.open else None

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
        if self.changed:  # before the insert: an alert that closed makes room for the next of its point
            update_rows(connection, alerts, "id", [values(alert, feed) for alert in self.changed.values()])
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


def values(alert: Alert, feed: Feed | None = None) -> dict[str, Any]:
    """Return an alert's row."""
    row = dict(zip(_FIELDS, _GET(alert), strict=True))
    row["open"] = alert.open
    if feed is not None:
        row["n"] = feed.number(alert.n)
    return row
