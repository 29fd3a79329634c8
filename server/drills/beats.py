"""Heartbeats of the agents at the exits, kept as bounds of their clocks; written in the ingest's transaction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, delete, select

from contracts.messages import Heartbeat
from contracts.topics import Topic
from server.database import upsert
from server.drills.clocks import Beat, lower, upper
from server.drills.tables import drill_agents, drill_beats

ANSWERS_KEPT = 32
BOOTS_KEPT = 4
KEPT_S = 2 * 86400.0
"""Crossings older than this when they arrive find no bounds any more."""


@dataclass(slots=True)
class _Boot:
    """One boot of one agent: the present minute's best, and when recent heartbeats came."""

    minute: int = 0
    high: float | None = None
    low: float | None = None
    came_s: dict[int, float] = field(default_factory=dict[int, float])


@dataclass(slots=True)
class Beats:
    """Owned by the writer thread. Listens only to the agents that stand at an exit."""

    exits: Collection[tuple[str, str]]
    """Site and agent."""
    _boots: dict[tuple[str, str, str], _Boot] = field(default_factory=dict[tuple[str, str, str], _Boot])

    def hear(self, connection: Connection, topic: Topic, beat: Heartbeat, received_at: datetime) -> None:
        """Keep a heartbeat if it bounds its agent's clock better than others of its minute."""
        if (topic.site, topic.agent) not in self.exits:
            return
        received_s = received_at.timestamp()
        boot = self._boot(topic, beat.stamp.boot_id)
        sample = _sample(boot, beat, received_s)
        boot.came_s[beat.n] = received_s
        while len(boot.came_s) > ANSWERS_KEPT:
            del boot.came_s[next(iter(boot.came_s))]
        minute = int(received_s // 60)
        if minute != boot.minute:
            boot.minute, boot.high, boot.low = minute, None, None
            self._forget(connection, topic, received_s)
        high, low = upper(sample), lower(sample)
        if boot.high is None or high < boot.high:
            boot.high = high
            _keep(connection, topic, beat.stamp.boot_id, minute, "high", sample)
        if low is not None and (boot.low is None or low > boot.low):
            boot.low = low
            _keep(connection, topic, beat.stamp.boot_id, minute, "low", sample)
        complete_s = received_s - (beat.oldest_unacked_s if beat.depth else 0.0)
        key = {"site": topic.site, "agent": topic.agent}
        upsert(connection, drill_agents, key, {"complete_until_s": complete_s, "heard_s": received_s})

    def _boot(self, topic: Topic, boot_id: str) -> _Boot:
        key = (topic.site, topic.agent, boot_id)
        boot = self._boots.pop(key, None) or _Boot()
        self._boots[key] = boot  # newest last
        mine = [k for k in self._boots if k[:2] == key[:2]]
        for old in mine[:-BOOTS_KEPT]:
            del self._boots[old]
        return boot

    def _forget(self, connection: Connection, topic: Topic, now_s: float) -> None:
        old = drill_beats.c.minute < int((now_s - KEPT_S) // 60)
        same = (drill_beats.c.site == topic.site) & (drill_beats.c.agent == topic.agent)
        connection.execute(delete(drill_beats).where(same & old))


def _sample(boot: _Boot, beat: Heartbeat, received_s: float) -> Beat:
    """Pair a heartbeat with the answer it names: that answer left after the heartbeat it answered had come."""
    answered_s = boot.came_s.get(beat.answered) if beat.answered is not None else None
    if answered_s is None or beat.answer_age_s is None:
        return Beat(beat.stamp.mono_s, received_s)
    return Beat(beat.stamp.mono_s, received_s, beat.stamp.mono_s - beat.answer_age_s, answered_s)


def _keep(connection: Connection, topic: Topic, boot_id: str, minute: int, bound: str, beat: Beat) -> None:
    key = {"site": topic.site, "agent": topic.agent, "boot_id": boot_id, "minute": minute, "bound": bound}
    values = {
        "mono_s": beat.mono_s,
        "received_s": beat.received_s,
        "answer_mono_s": beat.answer_mono_s,
        "answer_sent_s": beat.answer_sent_s,
    }
    upsert(connection, drill_beats, key, values)


def known_beats(connection: Connection, site: str, since_s: float, until_s: float) -> dict[tuple[str, str], list[Beat]]:
    """The bounds around a time, by agent and boot."""
    query = select(drill_beats).where(
        drill_beats.c.site == site,
        drill_beats.c.minute >= int(since_s // 60),
        drill_beats.c.minute <= int(until_s // 60),
    )
    found: dict[tuple[str, str], list[Beat]] = {}
    for row in connection.execute(query):
        beat = Beat(row.mono_s, row.received_s, row.answer_mono_s, row.answer_sent_s)
        found.setdefault((row.agent, row.boot_id), []).append(beat)
    return found
