"""Which alarm a still is of: that of its event, which must be known, fresh, of that camera, and no drill."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from contracts.topics import Kind
from contracts.vocabulary import Hazard, Severity
from server.alerts.tables import alerts
from server.ingest.tables import durables
from server.presence.tables import zones
from server.stills.reading import Read, StillError
from server.stills.tables import stills

FRESH = timedelta(seconds=120)  # an agent waits a minute at most for the receipt of the event, then drops the still
_FIRE = frozenset({Hazard.FLAME.value, Hazard.SMOKE.value})
_URGENT = frozenset({Severity.WARNING.value, Severity.CRITICAL.value})


def alert_of(connection: Connection, read: Read, now: datetime) -> str:
    """Return the id of the alarm; raise StillError where it may have no still."""
    topic, message = read.topic, read.message
    d = durables.c
    told = connection.execute(
        select(d.place, d.body, d.received_at)
        .where(d.site == topic.site, d.agent == topic.agent, d.id == message.event, d.kind == Kind.EVENTS.value)
        .limit(1)
    ).one_or_none()
    if told is None:
        raise StillError("its event is not known here")
    if now - told.received_at > FRESH:
        raise StillError("its event came long ago")
    kind, severity = told.body.get("kind"), told.body.get("severity")
    if not told.body.get("active") or not (kind in _FIRE or (kind == Hazard.WATER_PERSON and severity in _URGENT)):
        raise StillError("its event is no alarm of fire or at the water")
    if message.camera not in {told.place, _camera_of(connection, read, told.place)}:
        raise StillError(f"its event is not of camera {message.camera!r}")
    a = alerts.c
    of_point = (a.site == topic.site, a.agent == topic.agent, a.point == told.place, a.kind == kind)
    raised = connection.execute(
        select(a.id, a.drill)
        .where(*of_point, a.open | (a.received_at > now - FRESH))
        .order_by(a.received_at.desc())
        .limit(1)
    ).one_or_none()
    if raised is None:
        raise StillError("its event raised no alarm")
    if raised.drill:
        raise StillError("a drill runs: its alarms have no still")
    if connection.execute(select(stills.c.alert).where(stills.c.alert == raised.id)).first() is not None:
        raise StillError("its alarm has one already")
    return raised.id


def _camera_of(connection: Connection, read: Read, point: str) -> str:
    z = zones.c
    own = (z.site == read.topic.site, z.agent == read.topic.agent, z.id == point)
    return connection.execute(select(z.camera).where(*own)).scalar() or ""
