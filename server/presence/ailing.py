"""What ails an agent although it speaks: clock, disk, outbox, certificate, dead parts, drops. Said when it lasts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from server.changes import announce
from server.enrol.tables import certificates
from server.presence.liveness import Link
from server.presence.presence import Presence
from server.presence.watch import Watch

CLOCK, OUTBOX, CERTIFICATE, DISK = "_clock", "_outbox", "_certificate", "_disk"
READINGS, ENTRIES, WORKER = "_readings", "_entries", "_worker"
_REASONS = {
    CLOCK: "clock-wrong", OUTBOX: "outbox-waiting", CERTIFICATE: "certificate-ending", WORKER: "worker-failed",
    READINGS: "readings-dropped", ENTRIES: "entries-dropped",
}  # fmt: skip
"""Faults of an agent itself. A disk that fills up is not among them: the agent says that itself."""

CLOCK_S = 10.0
WAITING_S = 120.0
ENDING = timedelta(days=14)
"""The agent renews at two thirds of a certificate's life: at this point it has failed to for months."""
DISK_MB = 500.0
DROPPED_S = 60.0
"""So long after the last drop it is still said."""
HOLD_S = 20.0
LOOK_EVERY_S = 5.0
_BEGINS_S = {WORKER: LOOK_EVERY_S}
"""How long it must last to be said; of a worker the agent itself has waited long enough, and ends before its watchdog
does: two heartbeats are enough."""
CERTIFICATES_EVERY_S = 60.0

_Key = tuple[str, str]


@dataclass(slots=True)
class Ailing:
    """Belongs to the writer's thread."""

    _looked_s: float = float("-inf")
    _read_s: float = float("-inf")
    _since_s: dict[tuple[_Key, str], float] = field(default_factory=dict[tuple[_Key, str], float])
    _told: dict[_Key, frozenset[str]] = field(default_factory=dict[_Key, frozenset[str]])

    def tick(self, connection: Connection, presence: Presence, now: datetime, mono_s: float) -> None:
        """Judge each agent that is heard; of one that is not, nothing new is known."""
        if mono_s - self._looked_s < LOOK_EVERY_S:
            return
        self._looked_s = mono_s
        if mono_s - self._read_s >= CERTIFICATES_EVERY_S:
            self._read_s = mono_s
            ends = certificate_ends(connection)
            for key, watch in presence.watches.items():
                watch.certificate_ends = ends.get(key)
        for key, watch in presence.watches.items():
            if watch.link in (Link.OK, Link.LATE):
                self._judge(connection, presence, key, watch, now, mono_s)

    def _judge(
        self, connection: Connection, presence: Presence, key: _Key, watch: Watch, now: datetime, mono_s: float
    ) -> None:
        found = ailments(watch, now, mono_s)
        lasting: set[str] = set()
        for point in (*_REASONS, DISK):
            # Whatever begins or ends must last: a value at its limit would else ring and rest without end.
            said = point in self._told.get(key, frozenset()) or point in watch.raised
            if (point in found) is said:
                self._since_s.pop((key, point), None)
            elif mono_s - self._since_s.setdefault((key, point), mono_s) >= _held_s(point, said=said):
                said = not said
                del self._since_s[key, point]
            if said:
                lasting.add(point)
            if point in _REASONS and said is not (point in watch.raised):
                presence.fault(connection, watch, point, _REASONS[point], now, now, active=said)
        told = frozenset(lasting | (set(watch.failed_workers()) if WORKER in lasting else set()))
        if self._told.get(key, frozenset()) != told:
            self._told[key] = told
            announce(connection, now, "agent", watch.site, watch.payload(mono_s))


def _held_s(point: str, *, said: bool) -> float:
    return HOLD_S if said else _BEGINS_S.get(point, HOLD_S)


def ailments(watch: Watch, now: datetime, mono_s: float) -> set[str]:
    """Name what is wrong at this moment, by pseudo-point."""
    found: set[str] = set()
    beat = watch.heartbeat
    offset_s = watch.clock.wall_offset_s
    if offset_s is not None and abs(offset_s) > CLOCK_S:
        found.add(CLOCK)
    if beat is not None and beat.depth > 0 and beat.oldest_unacked_s > WAITING_S:
        found.add(OUTBOX)
    if beat is not None and beat.disk_free_mb is not None and beat.disk_free_mb < DISK_MB:
        found.add(DISK)
    if watch.failed_workers():
        found.add(WORKER)
    for what, point in (("dropped_readings", READINGS), ("dropped_entries", ENTRIES)):
        if mono_s - watch.dropped_s.get(what, -math.inf) < DROPPED_S:
            found.add(point)
    if watch.certificate_ends is not None and watch.certificate_ends - now < ENDING:
        found.add(CERTIFICATE)
    return found


def certificate_ends(connection: Connection) -> Mapping[_Key, datetime]:
    """Return when each agent's newest certificate ends; one that was taken back counts for nothing."""
    c = certificates.c
    rows = connection.execute(
        select(c.site, c.agent, func.max(c.not_after).label("ends"))
        .where(c.revoked_at.is_(None))
        .group_by(c.site, c.agent)
    )
    return {(row.site, row.agent): row.ends for row in rows}
