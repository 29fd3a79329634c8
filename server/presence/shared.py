"""What the process that hears an agent knows of it, through the database to the processes that show pages."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from contracts.messages import Heartbeat
from server.presence.clocks import AgentClock
from server.presence.holes import Hole
from server.presence.liveness import link_of
from server.presence.presence import Presence
from server.presence.tables import agent_views, open_pages
from server.presence.watch import AgentView, Watch

OPEN_FOR = timedelta(seconds=10)
_OVERLAP = timedelta(seconds=5)  # a row is stamped before its commit, and may be seen after a younger one


@dataclass(slots=True)
class Telling:
    """Writes what changed since it was written last. Belongs to the writer's thread."""

    presence: Presence
    _told: dict[tuple[str, str], object] = field(default_factory=dict[tuple[str, str], object])

    def tell(self, connection: Connection) -> None:
        mono_s = time.monotonic()
        rows: list[dict[str, object]] = []
        for key, watch in self.presence.watches.items():
            state = (watch.heard_s, watch.link, watch.status, watch.holes, watch.session, watch.epoch, watch.name)
            if self._told.get(key) != state:
                self._told[key] = state
                beat = watch.heartbeat.model_dump(mode="json") if watch.heartbeat else None
                rows.append({"site": key[0], "agent": key[1], "view": watch.payload(mono_s), "heartbeat": beat})
        for gone in self._told.keys() - self.presence.watches.keys():
            del self._told[gone]
        if rows:
            written = insert(agent_views).values(written_at=text("clock_timestamp()"))
            fresh = {name: written.excluded[name] for name in ("view", "heartbeat", "written_at")}
            connection.execute(written.on_conflict_do_update(index_elements=["site", "agent"], set_=fresh), rows)


@dataclass(slots=True)
class Hearsay:
    """Reads it back into a presence of its own, which judges ages itself: a worker that died makes nobody look well."""

    presence: Presence
    _read_to: datetime | None = None

    def read(self, connection: Connection) -> None:
        now = connection.execute(select(func.clock_timestamp())).scalar_one()
        fresh = select(agent_views)
        if self._read_to is not None:
            fresh = fresh.where(agent_views.c.written_at > self._read_to - _OVERLAP)
        mono_s = time.monotonic()
        for row in connection.execute(fresh):
            watch = _watch(AgentView.model_validate(row.view), mono_s - (now - row.written_at).total_seconds())
            watch.heartbeat = None if row.heartbeat is None else Heartbeat.model_validate(row.heartbeat)
            self.presence.watches[row.site, row.agent] = watch
            self._read_to = max(self._read_to or row.written_at, row.written_at)
        for watch in self.presence.watches.values():
            watch.link = link_of(mono_s - watch.heard_s, watch.status)
        self.presence.count_standing_faults(connection)
        self.presence.publish_views(mono_s)


def _watch(view: AgentView, written_s: float) -> Watch:
    return Watch(
        site=view.site, agent=view.agent, name=view.name, heard_s=written_s - (view.age_s or 0.0),
        status=view.status, version=view.version, simulated=view.simulated, epoch=view.epoch, seen_at=view.seen_at,
        clock=AgentClock(wall_offset_s=view.clock_offset_s),
        holes=tuple(Hole(1, missing.count, missing.after, missing.before) for missing in view.missing),
    )  # fmt: skip


def note_open_pages(connection: Connection, process: str, sites: Collection[str]) -> None:
    """Say which sites the pages of one process show now."""
    connection.execute(delete(open_pages).where(open_pages.c.process == process, open_pages.c.site.not_in(list(sites))))
    if sites:
        seen = insert(open_pages).values(process=process, seen_at=text("clock_timestamp()"))
        again = seen.on_conflict_do_update(index_elements=["process", "site"], set_={"seen_at": seen.excluded.seen_at})
        connection.execute(again, [{"site": site} for site in sorted(sites)])


def watched(connection: Connection) -> frozenset[str]:
    """Return the sites that some page shows; an empty one is every site."""
    seen = select(open_pages.c.site).where(open_pages.c.seen_at > func.now() - OPEN_FOR)
    return frozenset(connection.execute(seen).scalars())
