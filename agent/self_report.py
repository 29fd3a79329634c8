"""What the agent tells of itself: whether it is there, how it is, and how its own clock stands."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from agent.clock import Clock
from agent.lane import ReadingLane
from agent.outbox import Outbox
from contracts.messages import Heartbeat, Reading, Readings, State, WorkerHealth


@dataclass(frozen=True, slots=True)
class Vitals:
    """What the heartbeat tells of the rest of the agent."""

    workers: Callable[[], tuple[WorkerHealth, ...]]
    point_ages_s: Callable[[], dict[str, float]]


@dataclass(frozen=True, slots=True)
class Answered:
    """The server's last answer, as the agent heard it: tells the server that it is heard, too."""

    n: int
    age_s: float


@dataclass(slots=True)
class SelfReport:
    """Makes the messages; they are numbered from the agent's start."""

    clock: Clock
    outbox: Outbox
    lane: ReadingLane
    vitals: Vitals
    beats: int = 0
    _started: float = field(default_factory=time.monotonic)

    def state(self, status: Literal["online", "stopping", "offline"], session: int) -> State:
        """Say whether the agent is there."""
        booted_at = self.clock.booted_at()
        return State(status=status, boot_id=self.clock.boot_id, session=session, booted_at=booted_at)

    def heartbeat(self, session: int, answered: Answered | None, dropped_stills: int) -> Heartbeat:
        """Say how the agent is."""
        self.beats += 1
        outbox = self.outbox.health()
        return Heartbeat(
            n=self.beats,
            stamp=self.clock.now(),
            session=session,
            epoch=outbox.epoch,
            last_seq=outbox.last_seq,
            depth=outbox.depth,
            oldest_unacked_s=outbox.oldest_waiting_s,
            uptime_s=time.monotonic() - self._started,
            answer_age_s=answered.age_s if answered else None,
            answered=answered.n if answered else None,
            dropped_readings=self.lane.dropped,
            dropped_entries=outbox.refused,
            dropped_stills=dropped_stills,
            disk_free_mb=outbox.disk_free_mb,
            workers=self.vitals.workers(),
            point_ages_s=self.vitals.point_ages_s(),
        )

    def readings(self, batch: list[Reading]) -> Readings:
        """Say what was read, and how many readings were thinned away."""
        return Readings(
            boot_id=self.clock.boot_id,
            clock=self.clock.quality(),
            dropped=self.lane.dropped,
            readings=tuple(batch),
        )
