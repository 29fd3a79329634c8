"""When something happened, although agents' clocks may be wrong: ages come from monotonic clocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from contracts.messages import Stamp
from contracts.vocabulary import Clock
from server.moments import in_utc

BOOTS_KEPT = 4


@dataclass(frozen=True, slots=True)
class Happened:
    """The best guess of a moment, and how long before its arrival that was, in seconds."""

    at: datetime
    age_s: float


@dataclass(slots=True)
class AgentClock:
    """What is known of one agent's clocks. Bounded: the newest few boots."""

    wall_offset_s: float | None = None  # server's wall clock less the agent's, at its last heartbeat
    _mono_offsets: dict[str, float] = field(default_factory=dict)

    def heard(self, stamp: Stamp, received_at: datetime, mono_s: float) -> None:
        """Learn from a message that was sent at once. The least offset is the one with the least delay in it."""
        self.wall_offset_s = (received_at - in_utc(stamp.at)).total_seconds()
        offset = mono_s - stamp.mono_s
        known = self._mono_offsets.pop(stamp.boot_id, offset)
        # Clocks drift apart by seconds a day: let the floor rise slowly, at 0.1 ms a heartbeat.
        self._mono_offsets[stamp.boot_id] = min(known + 0.0001, offset)
        while len(self._mono_offsets) > BOOTS_KEPT:
            del self._mono_offsets[next(iter(self._mono_offsets))]

    def when(self, stamp: Stamp, received_at: datetime, mono_s: float) -> Happened:
        """Place a stamp on the server's clocks.

        Within a boot that was heard before, the monotonic clock tells. Before that a synced wall clock does.
        Else nothing is known: it is taken as fresh, for a needless siren is better than a missing one.
        """
        offset = self._mono_offsets.get(stamp.boot_id)
        if offset is not None:
            age_s = max(0.0, mono_s - (stamp.mono_s + offset))
            if stamp.clock is Clock.SYNCED:
                return Happened(in_utc(stamp.at), age_s)
            return Happened(received_at - timedelta(seconds=age_s), age_s)
        if stamp.clock is Clock.SYNCED:
            at = in_utc(stamp.at)
            return Happened(at, max(0.0, (received_at - at).total_seconds()))
        return Happened(received_at, 0.0)
