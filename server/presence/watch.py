"""What the server remembers of one agent between its messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from contracts.messages import Heartbeat, WorkerHealth
from server.moments import Moment
from server.presence.clocks import AgentClock
from server.presence.holes import Hole
from server.presence.liveness import Link


class Missing(BaseModel):
    """Events that were made and have not come."""

    count: int
    after: Moment | None
    before: Moment | None


class AgentView(BaseModel):
    """One agent as pages and other programs see it."""

    n: int = Field(default=0, description="number of its newest change: the SSE id")
    site: str
    agent: str
    name: str
    link: Link = Field(description="ok, late (12 s), warning (15 s), lost (18 s without a heartbeat), stopped")
    status: str = Field(description="what it said last: online, stopping, offline")
    seen_at: Moment | None = Field(description="its last heartbeat, by the server's clock")
    age_s: float | None = Field(description="since its last heartbeat")
    version: str
    simulated: bool
    epoch: str
    depth: int = Field(description="events it holds that are not in the ledger yet")
    oldest_unacked_s: float
    missing: tuple[Missing, ...] = Field(description="holes in the sequence of its events")
    clock: str = Field(description="synced or unsynced")
    clock_offset_s: float | None = Field(description="the server's wall clock less the agent's")
    dropped_readings: int
    disk_free_mb: float | None
    workers: tuple[WorkerHealth, ...]
    certificate_ends: Moment | None = Field(default=None, description="when its certificate ends, where it has one")
    oldest_point_s: float | None = Field(description="the longest time one of its points has had no good value")


@dataclass(slots=True)
class Watch:
    """One agent, as heard. Owned by the writer thread."""

    site: str
    agent: str
    name: str
    heard_s: float  # server's monotonic clock at the last heartbeat or birth
    status: str = "unknown"
    boot_id: str = ""
    session: int = 0
    booted_at: datetime | None = None
    version: str = ""
    simulated: bool = False
    epoch: str = ""
    seen_at: datetime | None = None
    link: Link = Link.OK
    heartbeat: Heartbeat | None = None
    dropped_s: dict[str, float] = field(default_factory=dict[str, float])  # when more of it was last dropped
    clock: AgentClock = field(default_factory=AgentClock)
    past_boots: set[str] = field(default_factory=set[str])
    behind_since_s: float | None = None  # since when numbers are missing
    resent_s: float = float("-inf")
    looked_s: float = float("-inf")  # when its numbers were last compared with the tables
    complete: int = -1  # up to here nothing of the present outbox is missing; -1 where nobody has looked
    suspected: tuple[Hole, ...] = ()  # missing now; perhaps only on its way
    holes: tuple[Hole, ...] = ()  # missing for so long that it is said
    certificate_ends: datetime | None = None
    raised: set[str] = field(default_factory=set[str])  # pseudo-points with a standing fault

    def beat(self, beat: Heartbeat, mono_s: float) -> None:
        """Take a heartbeat over, and note what the agent had to drop since the one before."""
        if (last := self.heartbeat) is not None:
            started_anew = beat.uptime_s < last.uptime_s
            for what in ("dropped_readings", "dropped_entries"):
                if getattr(beat, what) > (0 if started_anew else getattr(last, what)):
                    self.dropped_s[what] = mono_s
        self.heartbeat = beat

    def failed_workers(self) -> tuple[str, ...]:
        """Name the parts of the agent that do not run: dead and to be started again, or hung."""
        return tuple(w.name for w in self.heartbeat.workers if w.state == "failed") if self.heartbeat else ()

    def view(self, mono_s: float) -> AgentView:
        """Return what there is to show now."""
        beat = self.heartbeat
        return AgentView(
            site=self.site,
            agent=self.agent,
            name=self.name or self.agent,
            link=self.link,
            status=self.status,
            seen_at=self.seen_at,
            age_s=None if self.seen_at is None else round(max(0.0, mono_s - self.heard_s), 1),
            version=self.version,
            simulated=self.simulated,
            epoch=self.epoch,
            depth=beat.depth if beat else 0,
            oldest_unacked_s=beat.oldest_unacked_s if beat else 0.0,
            missing=tuple(Missing(count=h.count, after=h.after, before=h.before) for h in self.holes),
            clock=beat.stamp.clock.value if beat else "unsynced",
            clock_offset_s=self.clock.wall_offset_s,
            dropped_readings=beat.dropped_readings if beat else 0,
            disk_free_mb=beat.disk_free_mb if beat else None,
            workers=beat.workers if beat else (),
            certificate_ends=self.certificate_ends,
            oldest_point_s=max(beat.point_ages_s.values(), default=None) if beat else None,
        )

    def payload(self, mono_s: float) -> dict[str, Any]:
        """Return the change feed's record of this agent."""
        return self.view(mono_s).model_dump(mode="json", exclude={"n"})
