"""The hole detector: asks an agent again for what it made and the ledger misses, and says so when it stays missing."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from contracts.messages import Resend
from contracts.topics import Kind, Topic
from server.changes import announce
from server.presence.holes import Hole, between, in_words, look
from server.presence.presence import SEQUENCE, Presence
from server.presence.watch import Watch

ASK_AFTER_S = 10.0
FAULT_AFTER_S = 60.0
LOOK_EVERY_S = 5.0  # of one agent: its number comes with a heartbeat
AT_MOST_S = 0.1  # of a round
TOLD = 50  # holes of one agent that are told with their moments

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """Ask one agent to send some numbers again."""

    topic: Topic
    command: Resend


def find_gaps(connection: Connection, presence: Presence, now: datetime, mono_s: float) -> Sequence[Request]:
    """Compare agents' highest numbers with what is in the tables; return what to ask for.

    Those looked at longest ago come first, and what takes too long goes on in the next round: when all agents come
    back at once, each with a backlog, this must not hold up the writer that takes their alarms in.
    """
    requests: list[Request] = []
    due = [watch for watch in presence.watches.values() if mono_s - watch.looked_s >= LOOK_EVERY_S]
    until_s = time.monotonic() + AT_MOST_S
    for watch in sorted(due, key=lambda watch: watch.looked_s):
        beat = watch.heartbeat
        if beat is None or beat.epoch != watch.epoch:
            continue
        if watch.complete >= beat.last_seq and not watch.holes and SEQUENCE not in watch.raised:
            continue  # the tables were asked already; what is committed stays
        watch.looked_s = mono_s
        holes = tuple(look(connection, watch.site, watch.agent, watch.epoch, beat.last_seq))
        if holes:
            requests += _behind(connection, presence, watch, holes, beat.depth, now, mono_s)
        else:
            watch.complete = beat.last_seq
            _healed(connection, presence, watch, now, mono_s)
        if time.monotonic() > until_s:
            break
    return requests


def _behind(
    connection: Connection,
    presence: Presence,
    watch: Watch,
    holes: Sequence[Hole],
    depth: int,
    now: datetime,
    mono_s: float,
) -> Sequence[Request]:
    """Wait a while; then ask for what is missing, say so, and make a fault of what stays missing."""
    if watch.behind_since_s is None or not _overlap(holes, watch.suspected):
        watch.behind_since_s = mono_s
    watch.suspected = tuple(holes)
    behind_s = mono_s - watch.behind_since_s
    # What the agent itself still holds without a receipt is on its way, however long its outbox takes to drain.
    if behind_s < ASK_AFTER_S or sum(hole.count for hole in holes) <= depth:
        return []
    told = holes[:TOLD]
    if [(hole.first, hole.last) for hole in told] != [(hole.first, hole.last) for hole in watch.holes]:
        watch.holes = tuple(between(connection, watch.site, watch.agent, watch.epoch, told))
        _log.warning("agent %s/%s: %s", watch.site, watch.agent, in_words(watch.holes))
        announce(connection, now, "agent", watch.site, watch.payload(mono_s))
    if behind_s >= FAULT_AFTER_S and SEQUENCE not in watch.raised:
        presence.fault(connection, watch, SEQUENCE, "events-missing", now, now, active=True)
    return _ask(watch, mono_s)


def _ask(watch: Watch, mono_s: float) -> Sequence[Request]:
    if mono_s - watch.resent_s < ASK_AFTER_S:
        return []
    watch.resent_s = mono_s
    topic = Topic(watch.site, watch.agent, Kind.COMMAND)
    return [
        Request(topic, Resend(epoch=watch.epoch, first=hole.first, last=hole.last)) for hole in watch.suspected[:10]
    ]


def _healed(connection: Connection, presence: Presence, watch: Watch, now: datetime, mono_s: float) -> None:
    was, watch.holes, watch.suspected, watch.behind_since_s = watch.holes, (), (), None
    if was:
        _log.warning("agent %s/%s: no event is missing any more", watch.site, watch.agent)
        announce(connection, now, "agent", watch.site, watch.payload(mono_s))
    if SEQUENCE in watch.raised:
        presence.fault(connection, watch, SEQUENCE, "events-missing", now, now, active=False)


def _overlap(a: Sequence[Hole], b: Sequence[Hole]) -> bool:
    """Tell whether any number missing now was missing before."""
    return any(x.first <= y.last and y.first <= x.last for x in a for y in b)
