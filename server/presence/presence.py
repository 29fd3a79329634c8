"""Births, states and heartbeats: who is there, judged by the server's own clock. Owned by the writer thread."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from contracts.messages import Birth, Crossing, Event, Heartbeat, Stamp, State
from contracts.topics import Topic
from contracts.vocabulary import Hazard
from server.alerts.alert import AlertHook
from server.alerts.naming import name_open
from server.alerts.rules import Signal
from server.alerts.store import hear
from server.alerts.tables import IS_OPEN, alerts
from server.changes import announce
from server.database import insert_new
from server.ingest.decode import Arrival
from server.ingest.held import Everything, Sites
from server.moments import in_utc
from server.presence.clocks import AgentClock, Happened
from server.presence.liveness import Link, link_of
from server.presence.outboxes import note_outbox
from server.presence.tables import agents, boots
from server.presence.watch import AgentView, Watch
from server.presence.watched import record

PRESENCE, SEQUENCE, STORAGE = "_presence", "_sequence", "_storage"
"""An agent's own faults stand at these; no device's point can be called so, for ids hold no underscore."""

STALL_S = 5.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Presence:
    """All agents of the sites that are ours. `views` are a finished copy that other threads may read."""

    hook: AlertHook
    silent_fault_s: float = 60.0
    sites: Sites = field(default_factory=Everything)
    watches: dict[tuple[str, str], Watch] = field(default_factory=dict[tuple[str, str], Watch])
    _views: Mapping[tuple[str, str], AgentView] = field(default_factory=dict[tuple[str, str], AgentView])
    _told: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])  # since the views were last made
    point_faults: int = 0  # faults that stand at points of the agents, agents' own not counted
    orphaned_sites: int = 0  # nobody answers for them, where several processes share
    ticked_s: float | None = None

    def load(self, connection: Connection, mono_s: float) -> None:
        """Take over what the tables say, at the start or after a failed commit; each has the usual time to be heard."""
        for row in connection.execute(select(agents)):
            key = (row.site, row.agent)
            if not self.sites.covers(row.site):
                continue
            watch = self.watches.setdefault(key, Watch(row.site, row.agent, row.name, heard_s=mono_s))
            watch.name, watch.status, watch.epoch = row.name, row.status, row.epoch
            watch.boot_id, watch.session, watch.booted_at = row.boot_id, row.session, row.booted_at
            watch.version, watch.simulated = row.version, row.simulated
            watch.complete = -1
        for row in connection.execute(select(boots)):
            watch = self.watches.get((row.site, row.agent))
            if watch is not None and row.boot_id != watch.boot_id:
                watch.past_boots.add(row.boot_id)

    def forget(self, sites: Collection[str]) -> None:
        """Leave these sites to another process."""
        for key in [key for key in self.watches if key[0] in sites]:
            del self.watches[key]

    def count_standing_faults(self, connection: Connection) -> None:
        """Read which faults stand, for a restart or a rolled back commit may have left us thinking otherwise."""
        for watch in self.watches.values():
            watch.raised.clear()
        standing = select(alerts.c.site, alerts.c.agent, alerts.c.point).where(
            IS_OPEN, alerts.c.active, alerts.c.kind == Hazard.FAULT
        )
        point_faults = 0
        for row in connection.execute(standing):
            watch = self.watches.get((row.site, row.agent))
            if not self.sites.covers(row.site):
                continue
            if not row.point.startswith("_"):
                point_faults += 1
            elif watch is not None:
                watch.raised.add(row.point)
        self.point_faults = point_faults

    def birth(self, connection: Connection, topic: Topic, birth: Birth, arrival: Arrival) -> None:
        """Take over what an agent is and watches, unless it is a birth of the past."""
        watch = self._watch(topic, arrival)
        stamp = birth.stamp
        if self._is_past(watch, stamp.boot_id, birth.session):
            return
        repeated = arrival.retained and (watch.boot_id, watch.session) == (stamp.boot_id, birth.session)
        self._move_to(connection, watch, stamp.boot_id, birth.session, arrival)
        watch.booted_at = _booted_at(stamp)
        watch.name, watch.version, watch.simulated = birth.name, birth.version, birth.simulated
        if not repeated:  # else it is what the broker remembers: no sign of life
            watch.status, watch.heard_s, watch.seen_at = "online", arrival.mono_s, arrival.received_at
        self._keep(connection, watch, arrival, birth_at=None if repeated else arrival.received_at)
        if birth.epoch:
            self._outbox(connection, watch, birth.epoch, arrival)
        record(connection, topic.site, topic.agent, birth)
        name_open(connection, topic.site, topic.agent, self.hook, arrival.received_at)
        self._tell(connection, watch, arrival.received_at, arrival.mono_s)

    def state(self, connection: Connection, topic: Topic, state: State, arrival: Arrival) -> None:
        """Believe a state or a last will, unless a newer session or boot has been heard."""
        watch = self._watch(topic, arrival)
        if self._is_past(watch, state.boot_id, state.session) or self._is_unborn_will(watch, state):
            _log.debug("agent %s/%s: a late %s of an older session is passed over", topic.site, topic.agent, state)
            return
        if state.status != "offline":
            self._move_to(connection, watch, state.boot_id, state.session, arrival)
        watch.status = state.status
        if state.status == "online" and not arrival.retained:
            watch.heard_s = max(watch.heard_s, arrival.mono_s)
        self._keep(connection, watch, arrival)
        self._tell(connection, watch, arrival.received_at, arrival.mono_s)

    def heartbeat(self, connection: Connection, topic: Topic, beat: Heartbeat, arrival: Arrival) -> None:
        """Note that an agent lives, and how far its outbox has come."""
        watch = self._watch(topic, arrival)
        if self._is_past(watch, beat.stamp.boot_id, beat.session):
            return
        if (watch.boot_id, watch.session) != (beat.stamp.boot_id, beat.session):
            self._move_to(connection, watch, beat.stamp.boot_id, beat.session, arrival)
            self._keep(connection, watch, arrival)
        if watch.status in ("offline", "unknown"):
            watch.status = "online"  # its will came, and yet it speaks
        watch.clock.heard(beat.stamp, arrival.received_at, arrival.mono_s)
        watch.heard_s, watch.seen_at = arrival.mono_s, arrival.received_at
        watch.beat(beat, arrival.mono_s)
        self._outbox(connection, watch, beat.epoch, arrival)
        if watch.link is not Link.OK:
            self._tell(connection, watch, arrival.received_at, arrival.mono_s)

    def durable(self, connection: Connection, topic: Topic, message: Event | Crossing, arrival: Arrival) -> None:
        """Note that a new durable message came."""
        self._watch(topic, arrival)
        note_outbox(connection, topic.site, topic.agent, message.epoch, arrival.received_at)

    def when(self, topic: Topic, stamp: Stamp, arrival: Arrival) -> Happened:
        """Place an agent's stamp on the server's clocks."""
        watch = self.watches.get((topic.site, topic.agent))
        clock = watch.clock if watch else AgentClock()
        return clock.when(stamp, arrival.received_at, arrival.mono_s)

    def tick(self, connection: Connection, now: datetime, mono_s: float) -> None:
        """Judge every agent's silence. Time in which the server itself stood still counts for nobody."""
        if self.ticked_s is not None and mono_s - self.ticked_s > STALL_S:
            stalled = mono_s - self.ticked_s
            _log.warning("server: stood still for %.0f s; agents are given that time", stalled)
            for watch in self.watches.values():
                watch.heard_s = min(mono_s, watch.heard_s + stalled)
        self.ticked_s = mono_s
        self.count_standing_faults(connection)
        for watch in self.watches.values():
            age_s = mono_s - watch.heard_s
            if link_of(age_s, watch.status) is not watch.link:
                self._tell(connection, watch, now, mono_s)
            silent = watch.link in (Link.LOST, Link.STOPPED) and age_s >= self.silent_fault_s
            if silent is not (PRESENCE in watch.raised):
                at = now - timedelta(seconds=age_s) if silent else now
                self.fault(connection, watch, PRESENCE, "agent-silent", at, now, active=silent)
        self.publish_views(mono_s)

    @property
    def views(self) -> Sequence[AgentView]:
        """Every agent as it was when the views were last made, a second ago at most."""
        return tuple(self._views.values())

    def publish_views(self, mono_s: float) -> None:
        """Make the copy for other threads anew."""
        self._told.clear()
        self._views = {key: watch.view(mono_s) for key, watch in self.watches.items()}

    def publish_told(self, mono_s: float) -> None:
        """Do so for the agents of which pages were told: one that asks meanwhile must not see them as they were."""
        told, self._told = self._told, set[tuple[str, str]]()
        if told := told & self.watches.keys():
            self._views = {**self._views, **{key: self.watches[key].view(mono_s) for key in told}}

    def fault(
        self,
        connection: Connection,
        watch: Watch,
        point: str,
        reason: str,
        at: datetime,
        now: datetime,
        *,
        active: bool,
    ) -> None:
        """Raise or clear a fault of an agent itself as an alert like any other."""
        signal = Signal(
            site=watch.site, agent=watch.agent, point=point, kind="fault", active=active, severity="fault",
            reason=reason, at=at, received_at=now, name=watch.name or watch.agent, simulated=watch.simulated,
        )  # fmt: skip
        hear(connection, signal, self.hook)
        (watch.raised.add if active else watch.raised.discard)(point)

    def _watch(self, topic: Topic, arrival: Arrival) -> Watch:
        key = (topic.site, topic.agent)
        if key not in self.watches:
            self.watches[key] = Watch(topic.site, topic.agent, topic.agent, heard_s=arrival.mono_s)
        return self.watches[key]

    def _is_past(self, watch: Watch, boot_id: str, session: int) -> bool:
        if boot_id == watch.boot_id:
            return session < watch.session
        return boot_id in watch.past_boots

    def _is_unborn_will(self, watch: Watch, state: State) -> bool:
        """A will of a boot nobody has heard of: only one that booted later than the known boot is believed."""
        if state.status != "offline" or state.boot_id == watch.boot_id or not watch.boot_id:
            return False
        if state.booted_at is None or watch.booted_at is None:
            return True
        return in_utc(state.booted_at) <= watch.booted_at

    def _move_to(self, connection: Connection, watch: Watch, boot_id: str, session: int, arrival: Arrival) -> None:
        if watch.boot_id and watch.boot_id != boot_id:
            watch.past_boots.add(watch.boot_id)
        watch.boot_id, watch.session = boot_id, session
        row = {"site": watch.site, "agent": watch.agent, "boot_id": boot_id, "first_seen_at": arrival.received_at}
        insert_new(connection, boots, row)

    def _outbox(self, connection: Connection, watch: Watch, epoch: str, arrival: Arrival) -> None:
        """Follow an agent to its present outbox file; one that replaces another means its storage was lost."""
        if watch.epoch == epoch:
            return
        note_outbox(connection, watch.site, watch.agent, epoch, arrival.received_at)
        was, watch.epoch = watch.epoch, epoch
        watch.holes, watch.suspected, watch.behind_since_s, watch.complete = (), (), None, -1
        connection.execute(
            update(agents).where(agents.c.site == watch.site, agents.c.agent == watch.agent).values(epoch=epoch)
        )
        if was:
            now = arrival.received_at
            self.fault(connection, watch, STORAGE, "agent-storage-reset", now, now, active=True)
            self.fault(connection, watch, STORAGE, "agent-storage-reset", now, now, active=False)

    def _keep(self, connection: Connection, watch: Watch, arrival: Arrival, birth_at: datetime | None = None) -> None:
        values: dict[str, object] = {
            "name": watch.name, "status": watch.status, "boot_id": watch.boot_id, "session": watch.session,
            "booted_at": watch.booted_at, "version": watch.version, "simulated": watch.simulated,
        }  # fmt: skip
        if birth_at is not None:
            values["birth_at"] = birth_at
        mine = (agents.c.site == watch.site, agents.c.agent == watch.agent)
        if connection.execute(update(agents).where(*mine).values(values)).rowcount == 0:
            connection.execute(
                insert(agents).values(
                    **values, site=watch.site, agent=watch.agent, epoch=watch.epoch, first_seen_at=arrival.received_at
                )
            )

    def _tell(self, connection: Connection, watch: Watch, now: datetime, mono_s: float) -> None:
        link = link_of(mono_s - watch.heard_s, watch.status)
        if link is not watch.link:
            level = logging.INFO if link is Link.OK else logging.WARNING
            _log.log(level, "agent %s/%s: link %s (was %s)", watch.site, watch.agent, link, watch.link)
        watch.link = link
        self._told.add((watch.site, watch.agent))
        announce(connection, now, "agent", watch.site, watch.payload(mono_s))


def _booted_at(stamp: Stamp) -> datetime:
    return in_utc(stamp.at) - timedelta(seconds=stamp.mono_s)
