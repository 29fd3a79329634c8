"""A batch of arrivals into the tables, inside one transaction; what to answer comes out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, assert_never

from sqlalchemy import Connection, select

from contracts.messages import Birth, Crossing, Event, Heartbeat, Receipt, Rejection, State
from contracts.topics import Kind, Topic
from server.alerts.alert import AlertHook
from server.alerts.rules import Signal
from server.alerts.store import Position, hear
from server.database import insert_new
from server.ingest.decode import Arrival, Decoded, Invalid, decode
from server.ingest.tables import durables, quarantine
from server.moments import in_utc
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

    def take(self, connection: Connection, arrivals: Sequence[Arrival]) -> Sequence[Answer]:
        """Write all arrivals; return what to answer once they are committed."""
        answers = Answers()
        for arrival in arrivals:
            result = decode(arrival)
            if isinstance(result, Decoded) and self.sites and result.topic.site not in self.sites:
                result = Invalid(f"site {result.topic.site!r} is not one of this server's", result.topic)
            match result:
                case Decoded(topic, message):
                    self._message(connection, topic, message, arrival, answers)
                case Invalid():
                    refuse(connection, arrival, result, answers)
                case _:
                    assert_never(result)
        return answers.all()

    def _message(
        self,
        connection: Connection,
        topic: Topic,
        message: Birth | State | Event | Crossing | Heartbeat,
        arrival: Arrival,
        answers: Answers,
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
                self._durable(connection, topic, message, arrival)
                answers.seqs.setdefault((_agent(topic), message.epoch), []).append(message.seq)
            case _:
                assert_never(message)

    def _durable(self, connection: Connection, topic: Topic, message: Event | Crossing, arrival: Arrival) -> None:
        known = connection.execute(
            select(durables.c.n).where(
                durables.c.site == topic.site, durables.c.agent == topic.agent, durables.c.id == message.id
            )
        ).first()
        if not insert_new(connection, durables, _row(topic, message, arrival)):
            return  # redelivered: absorbed, and receipted again
        self.presence.durable(connection, topic, message, arrival)
        if known is not None:
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
            drill=self.drill_running(connection, topic.site),
        )
        hear(connection, signal, self.alert_hook, Position(event.epoch, event.seq))


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


def _row(topic: Topic, message: Event | Crossing, arrival: Arrival) -> dict[str, object]:
    return {
        "site": topic.site,
        "agent": topic.agent,
        "epoch": message.epoch,
        "seq": message.seq,
        "id": message.id,
        "kind": topic.kind.value,
        "place": message.point if isinstance(message, Event) else message.line,
        "at": in_utc(message.stamp.at),
        "boot_id": message.stamp.boot_id,
        "mono_s": message.stamp.mono_s,
        "clock": message.stamp.clock.value,
        "received_at": arrival.received_at,
        "body": message.model_dump(mode="json"),
    }
