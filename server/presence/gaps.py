"""The hole detector: asks an agent again for what it made and the ledger misses, and says so when it stays missing."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from contracts.messages import Resend
from contracts.topics import Kind, Topic
from server.changes import announce
from server.presence.holes import Hole, in_words, look
from server.presence.presence import SEQUENCE, Presence
from server.presence.watch import Watch

ASK_AFTER_S = 10.0
FAULT_AFTER_S = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """Ask one agent to send some numbers again."""

    topic: Topic
    command: Resend


def find_gaps(connection: Connection, presence: Presence, now: datetime, mono_s: float) -> Sequence[Request]:
    """Compare each agent's highest number with what is in the tables; return what to ask for."""
    requests: list[Request] = []
    for watch in presence.watches.values():
        beat = watch.heartbeat
        if beat is None or beat.epoch != watch.epoch:
            continue
        if watch.complete >= beat.last_seq and not watch.holes and SEQUENCE not in watch.raised:
            continue  # the tables were asked already; what is committed stays
        holes = tuple(look(connection, watch.site, watch.agent, watch.epoch, beat.last_seq))
        if not holes:
            watch.complete = beat.last_seq
            _healed(connection, presence, watch, now, mono_s)
            continue
        if watch.behind_since_s is None or not _overlap(holes, watch.suspected):
            watch.behind_since_s = mono_s
        watch.suspected = holes
        behind_s = mono_s - watch.behind_since_s
        if behind_s >= ASK_AFTER_S and holes != watch.holes:
            watch.holes = holes
            _log.warning("agent %s/%s: %s", watch.site, watch.agent, in_words(holes))
            announce(connection, now, "agent", watch.site, watch.payload(mono_s))
        requests += _ask(watch, mono_s, behind_s)
        if behind_s >= FAULT_AFTER_S and SEQUENCE not in watch.raised and mono_s - watch.durable_s > ASK_AFTER_S:
            presence.fault(connection, watch, SEQUENCE, "events-missing", now, now, active=True)
    return requests


def _ask(watch: Watch, mono_s: float, behind_s: float) -> Sequence[Request]:
    # While new messages keep coming the outbox is draining, and what is missing is only on its way.
    waiting = behind_s < ASK_AFTER_S or mono_s - watch.durable_s < ASK_AFTER_S or mono_s - watch.resent_s < ASK_AFTER_S
    if waiting:
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
