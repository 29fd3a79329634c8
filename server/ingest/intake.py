"""A batch of arrivals into the tables, inside one transaction; what to answer comes out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Protocol, Self, assert_never

from sqlalchemy import Connection

from contracts.messages import Birth, Crossing, Event, Heartbeat, Receipt, Rejection, State
from contracts.topics import Kind, Topic
from server.alerts.alert import AlertHook
from server.alerts.rules import Signal
from server.alerts.store import Position, hear
from server.batch import Batch, Key, batching, part_of
from server.database import insert_new
from server.ingest.decode import Arrival, Decoded, Invalid, decode
from server.ingest.fresh import Fresh
from server.ingest.tables import quarantine
from server.presence.presence import Presence
from server.presence.watched import Told, describe

KEPT_PAYLOAD = 16 * 1024
LATE_S = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one agent is told after the commit."""

    topic: Topic
    receipt: Receipt


class CrossingHook(Protocol):
    """Hears every new crossing in its transaction; the drills count them."""

    def __call__(self, connection: Connection, topic: Topic, crossing: Crossing, arrival: Arrival) -> None: ...


def no_drills(connection: Connection, topic: Topic, crossing: Crossing, arrival: Arrival) -> None:
    """Stand in where no drills are wired."""


class HeartbeatHook(Protocol):
    """Hears every heartbeat in its transaction; the drills bound agents' clocks by them."""

    def __call__(self, connection: Connection, topic: Topic, beat: Heartbeat, received_at: datetime) -> None: ...


def no_clocks(connection: Connection, topic: Topic, beat: Heartbeat, received_at: datetime) -> None:
    """Stand in where no drills are wired."""


def never_a_drill(connection: Connection, site: str) -> bool:  # noqa: ARG001
    """Stand in where no drills are wired."""
    return False


def untimed(_age_s: float) -> None:
    """Stand in where nobody counts."""


@dataclass(slots=True)
class Answers:
    """Collects receipts per agent and epoch, so that a batch is answered by few messages."""

    seqs: dict[tuple[Topic, str], list[int]] = field(default_factory=dict)
    rejected: dict[tuple[Topic, str], list[Rejection]] = field(default_factory=dict)
    others: list[Answer] = field(default_factory=list)

    def all(self) -> Sequence[Answer]:
        made = list(self.others)
        for key in {**self.seqs, **self.rejected}:
            topic, epoch = key
            receipt = Receipt(
                epoch=epoch, seqs=tuple(self.seqs.get(key, ())), rejected=tuple(self.rejected.get(key, ()))
            )
            made.append(Answer(topic, receipt))
        return made


@dataclass(frozen=True, slots=True)
class Intake:
    """Knows what each kind of message does to the tables."""

    presence: Presence
    alert_hook: AlertHook
    crossing_hook: CrossingHook = no_drills
    heartbeat_hook: HeartbeatHook = no_clocks
    drill_running: Callable[[Connection, str], bool] = never_a_drill
    sites: frozenset[str] = frozenset()
    aged: Callable[[float], None] = untimed
    """Told of each new event how long ago it happened, in seconds."""

    def take(self, connection: Connection, arrivals: Sequence[Arrival]) -> Sequence[Answer]:
        """Write all arrivals; return what to answer once they are committed."""
        answers = Answers()
        taken = [(arrival, self._decode(arrival)) for arrival in arrivals]
        with batching(connection, _keys(taken)):
            fresh = Fresh.insert(connection, taken)
            for arrival, result in taken:
                match result:
                    case Decoded(topic, message):
                        self._message(connection, topic, message, arrival, answers, fresh)
                    case Invalid():
                        refuse(connection, arrival, result, answers)
                    case _:
                        assert_never(result)
        return answers.all()

    def _decode(self, arrival: Arrival) -> Decoded | Invalid:
        result = decode(arrival)
        if isinstance(result, Decoded) and self.sites and result.topic.site not in self.sites:
            return Invalid(f"site {result.topic.site!r} is not one of this server's", result.topic)
        return result

    def _message(
        self,
        connection: Connection,
        topic: Topic,
        message: Birth | State | Event | Crossing | Heartbeat,
        arrival: Arrival,
        answers: Answers,
        fresh: Fresh,
    ) -> None:
        match message:
            case Birth():
                self.presence.birth(connection, topic, message, arrival)
            case State():
                self.presence.state(connection, topic, message, arrival)
            case Heartbeat():
                self.presence.heartbeat(connection, topic, message, arrival)
                self.heartbeat_hook(connection, topic, message, arrival.received_at)
                answer = Receipt(epoch=message.epoch, heartbeat=message.n, server_time=arrival.received_at)
                answers.others.append(Answer(topic, answer))
            case Event() | Crossing():
                self._durable(connection, topic, message, arrival, fresh)
                answers.seqs.setdefault((_agent(topic), message.epoch), []).append(message.seq)
            case _:
                assert_never(message)

    def _durable(
        self, connection: Connection, topic: Topic, message: Event | Crossing, arrival: Arrival, fresh: Fresh
    ) -> None:
        if not fresh.take_row(topic, message):
            return  # redelivered: absorbed, and receipted again
        self.presence.durable(connection, topic, message, arrival)
        if not fresh.take_cause(topic, message):
            return  # the same cause again under another number, after a replay: kept, but nothing new happened
        match message:
            case Event():
                self._event(connection, topic, message, arrival)
            case Crossing():
                self.crossing_hook(connection, topic, message, arrival)
            case _:
                assert_never(message)

    def _event(self, connection: Connection, topic: Topic, event: Event, arrival: Arrival) -> None:
        # Only an alert that is raised needs its words; one that ends has them already.
        told = describe(connection, topic.site, topic.agent, event.point) if event.active else Told()
        happened = self.presence.when(topic, event.stamp, arrival)
        self.aged(happened.age_s)
        signal = Signal(
            site=topic.site,
            agent=topic.agent,
            point=event.point,
            kind=event.kind,
            active=event.active,
            severity=event.severity,
            at=happened.at,
            received_at=arrival.received_at,
            reason=event.reason,
            value=event.value,
            unit=event.unit or told.unit,
            late=happened.age_s > LATE_S,
            name=told.name,
            place=told.place,
            grid=told.grid,
            simulated=told.simulated,
            drill=self._is_drill(connection, topic.site),
        )
        hear(connection, signal, self.alert_hook, Position(event.epoch, event.seq))

    def _is_drill(self, connection: Connection, site: str) -> bool:
        drills = part_of(connection, _Drills) or _Drills()
        if site not in drills.running:
            drills.running[site] = self.drill_running(connection, site)
        return drills.running[site]


@dataclass(slots=True)
class _Drills:
    """At which schools a drill runs; a batch asks once for each."""

    rank: ClassVar[int] = 0
    running: dict[str, bool] = field(default_factory=dict[str, bool])

    @classmethod
    def load(cls, connection: Connection, batch: Batch) -> Self:  # noqa: ARG003
        return cls()

    def flush(self, connection: Connection, batch: Batch) -> None:
        """Nothing of this is written."""


def refuse(connection: Connection, arrival: Arrival, flaw: Invalid, answers: Answers) -> None:
    """Put what cannot be taken aside, and answer it where its number can be read."""
    topic = flaw.topic
    if topic is not None and topic.kind in (Kind.BIRTH, Kind.STATE) and not arrival.payload:
        return  # a retained message was taken back: nothing to keep
    _log.debug("%s: quarantined: %s", arrival.topic[:200], flaw.reason)
    values = {
        "received_at": arrival.received_at,
        "topic": arrival.topic.replace("\x00", "")[:500],
        "site": topic.site if topic else None,
        "agent": topic.agent if topic else None,
        "epoch": flaw.epoch,
        "seq": flaw.seq,
        "reason": flaw.reason,
        "payload": arrival.payload[:KEPT_PAYLOAD],
    }
    insert_new(connection, quarantine, values)
    if topic is not None and flaw.epoch is not None and flaw.seq is not None:
        rejection = Rejection(seq=flaw.seq, reason=flaw.reason)
        answers.rejected.setdefault((_agent(topic), flaw.epoch), []).append(rejection)


def _agent(topic: Topic) -> Topic:
    return Topic(topic.site, topic.agent, Kind.RECEIPT)


def _keys(taken: Sequence[tuple[Arrival, Decoded | Invalid]]) -> set[Key]:
    """Say which points and hazards the messages are about."""
    return {
        (one.topic.site, one.topic.agent, one.message.point, one.message.kind)
        for _, one in taken
        if isinstance(one, Decoded) and isinstance(one.message, Event)
    }
