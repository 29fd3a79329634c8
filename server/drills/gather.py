"""Gather a drill's inputs: its acts, and the crossings of its exits put on the server's clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from config.school import SchoolConfig
from contracts.topics import Kind
from contracts.vocabulary import Clock
from server.drills import acts, store
from server.drills.beats import known_beats
from server.drills.clocks import Beat, align
from server.drills.inputs import Horizon, Inputs, Passage
from server.drills.tables import drill_agents
from server.ingest.tables import durables
from server.presence.tables import lines

LATE_DATA_S = 86400.0
"""Crossings that arrive later than this after the first signal change nothing any more."""
SETTLE_S = 2.0
"""A counter may need this long to be sure that somebody crossed."""
LEAST_QUALITY = 0.5


@dataclass(frozen=True, slots=True)
class Way:
    """A counting line: the exit it stands for, and the direction that leads out (None: not known, or any)."""

    exit_id: str
    out: str | None


def ways(connection: Connection, school: SchoolConfig) -> dict[tuple[str, str], Way]:
    """By agent and line. The school's file decides; where it says nothing, the agent's own birth does."""
    query = select(lines).where(lines.c.site == school.site)
    born = {(row.agent, row.id): row.out for row in connection.execute(query)}
    found: dict[tuple[str, str], Way] = {}
    for building in school.building:
        for exit_ in building.exit:
            for line in exit_.line:
                agent, _, name = line.line.partition("/")
                out = line.out if line.out is not None else born.get((agent, name))
                found[agent, name] = Way(exit_.id, None if out == "any" else out)
    return found


def gather(connection: Connection, drill: store.Drill, school: SchoolConfig) -> Inputs:
    """Read everything again: nothing of a drill lives only in memory."""
    said = acts.read(connection, drill.id)
    if drill.begun_s is None:
        return Inputs(drill.plan, said)
    until = datetime.fromtimestamp(drill.begun_s + LATE_DATA_S, tz=drill.created_at.tzinfo)
    known = ways(connection, school)
    query = (
        select(durables)
        .where(
            durables.c.n > drill.after_n,
            durables.c.site == drill.site,
            durables.c.kind == Kind.CROSSINGS.value,
            durables.c.received_at <= until,
        )
        .order_by(durables.c.n)
    )
    rows = [row for row in connection.execute(query) if (row.agent, row.place) in known]
    beats = known_beats(connection, drill.site, drill.begun_s - 900, drill.begun_s + store.LONGEST_S)
    return Inputs(drill.plan, said, tuple(passage(row, known[row.agent, row.place], beats) for row in rows))


def passage(row: Any, way: Way, beats: Mapping[tuple[str, str], list[Beat]]) -> Passage:
    """Put one crossing on the server's clock, with the bounds of its number."""
    body: dict[str, Any] = row.body
    when = align(
        row.mono_s,
        row.at.timestamp(),
        row.received_at.timestamp(),
        synced=row.clock == Clock.SYNCED,
        beats=beats.get((row.agent, row.boot_id), ()),
    )
    count, quality = int(body["count"]), max(float(body.get("quality", 1.0)), LEAST_QUALITY)
    low, high = body.get("low"), body.get("high")
    return Passage(
        id=f"{row.agent}/{row.id}",
        exit_id=way.exit_id,
        when=when,
        count=count,
        low=float(low) if low is not None else count * quality,
        high=float(high) if high is not None else count / quality,
        back=way.out is not None and body["direction"] != way.out,
    )


def horizon(connection: Connection, drill: store.Drill, school: SchoolConfig, now_s: float) -> Horizon:
    """See no further than the slowest agent at an exit: an outbox may still hold the last person."""
    agents = {line.line.partition("/")[0] for b in school.building for e in b.exit for line in e.line}
    query = select(drill_agents).where(drill_agents.c.site == drill.site)
    until = {row.agent: row.complete_until_s for row in connection.execute(query)}
    return Horizon(now_s, min((until.get(agent, 0.0) for agent in agents), default=now_s) - SETTLE_S)
