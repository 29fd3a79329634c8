"""The agent's side of the conversation: says who it is, sends what is due, hears receipts and commands."""

from __future__ import annotations

import logging
import random
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable

from pydantic import ValidationError

from agent.backoff import Backoff, Patience
from agent.birth import birth
from agent.clock import Clock
from agent.lane import ReadingLane
from agent.link_words import of_error
from agent.mqtt import Connection, Incoming, LinkError, Outgoing
from agent.outbox import Outbox
from agent.publisher import Publisher
from agent.self_report import Answered, SelfReport, Vitals
from agent.still_lane import StillLane
from config.agent import AgentConfig
from contracts.messages import (
    AlarmStill,
    Answer,
    Command,
    CommandMessage,
    Message,
    Receipt,
    Resend,
)
from contracts.topics import Kind, Topic, TopicError, parse

log = logging.getLogger(__name__)

_MOST_ANSWERS = 8
_BATCH = 500  # readings in one message
_TURN_S = 1.0
# At first, and at most where it happens again:
_BROKER_SILENT_S = (12.0, 60.0)  # no sign of the broker for so long though heartbeats are sent: the line is dead
_SERVER_SILENT_S = (60.0, 600.0)  # no answer of the server for so long: perhaps our subscription is lost
_LAST_WORDS_S = 1.5
_DELAYS_S = (0.5, 1.0, 2.0, 5.0)


class Link:
    """Keeps one connection and all that goes over it. Health is the age of the server's last answer."""

    name = "mqtt"
    limit_s = 20.0

    def __init__(
        self,
        config: AgentConfig,
        clock: Clock,
        outbox: Outbox,
        lane: ReadingLane,
        vitals: Vitals,
        command: Callable[[Command], None],
    ) -> None:
        self._config = config
        self._clock = clock
        self._outbox = outbox
        self._lane = lane
        self._report = SelfReport(clock, outbox, lane, vitals)
        self._command = command
        self._client_secret = secrets.token_hex(8)  # who knows a client id can end its session
        self._publisher = Publisher(config.site, config.agent, outbox)
        self._connection: Connection | None = None
        self._started = time.monotonic()
        self._answered: float | None = None
        self._answer = 0
        self._with_broker, self._with_server = Patience(*_BROKER_SILENT_S), Patience(*_SERVER_SILENT_S)
        self._trouble = ""
        self._answers: deque[Answer] = deque(maxlen=_MOST_ANSWERS)
        self._stills = StillLane()

    def say(self, answer: Answer) -> None:
        """Send an answer to a command, from any thread; without a connection it is worth nothing and lost."""
        if self._connection is not None:
            self._answers.append(answer)
            self.wake()

    def show(self, still: AlarmStill) -> None:
        """Send the still of an alarm when nothing else waits, from any thread."""
        self._stills.add(still, time.monotonic())
        self.wake()

    def watch(self, config: AgentConfig) -> None:
        """Tell the server anew what is watched, from any thread."""
        self._config = config
        self.wake()

    def answer_age_s(self) -> float:
        """Seconds since the server last answered a heartbeat, or since the start."""
        return time.monotonic() - (self._answered or self._started)

    def trouble(self) -> str:
        return self._trouble

    def interrupt(self) -> None:
        self.wake()

    def wake(self) -> None:
        """Have what is due sent now, from any thread."""
        connection = self._connection
        if connection is not None:
            connection.wake()

    def run(self, beat: Callable[[], None], stop: threading.Event) -> None:
        """Connect, serve, and connect again until stopped."""
        backoff = Backoff(_DELAYS_S)
        while not stop.is_set():
            beat()
            session = int(time.monotonic() * 1000)  # grows within a boot, also over restarts of this process
            try:
                with self._connect(session) as connection:
                    self._well(connection.address)
                    backoff.reset()
                    self._serve(connection, session, beat, stop)
            except LinkError as e:
                self._unwell(str(e))
            finally:
                self._connection = None
            backoff.wait(stop, beat, random.uniform(0.5, 1.0))  # noqa: S311  # jitter, no secret

    def _connect(self, session: int) -> Connection:
        will = self._outgoing(Kind.STATE, self._report.state("offline", session), retain=True)
        client_id = f"{self._config.site}-{self._config.agent}-{self._client_secret}"
        try:
            return Connection(self._config.mqtt, client_id, will, clock_synced=self._clock.synced())
        except (OSError, ValueError) as e:  # a certificate or password file that cannot be read
            raise LinkError(f"{self._config.mqtt.host}:{self._config.mqtt.port}: {of_error(e)}") from e

    def _serve(self, connection: Connection, session: int, beat: Callable[[], None], stop: threading.Event) -> None:
        config = self._config
        self._connection = connection
        self._publisher.reconnected()
        # Receipts are repeated until they are heard, and a clean session keeps nothing for later anyway. For a quality
        # of 1 RabbitMQ makes a durable queue on one node: when that dies, no other node takes us on.
        connection.subscribe((self._topic(Kind.RECEIPT), 0), (self._topic(Kind.COMMAND), 0))
        opened = time.monotonic()
        greeted: tuple[str, AgentConfig] | None = None
        heartbeat_at = readings_at = opened
        leaving: float | None = None
        while leaving is None or (time.monotonic() < leaving and not self._outbox.empty()):
            beat()
            for message in connection.received():
                self._hear(message)
            for refusal in connection.refusals():
                log.error("%s: the broker refuses what is published: %s", connection.address, refusal)
            now = time.monotonic()
            if (due := (self._outbox.epoch, self._config)) != greeted:
                greeted = due
                self._greet(connection, session, *due)
            self._answer_commands(connection)
            if now >= heartbeat_at:
                heartbeat_at = now + config.heartbeat_s
                connection.publish(self._heartbeat(session))
            if not connection.congested():
                for message in self._publisher.due():
                    connection.publish(message)
                self._send_still(connection, now)
                if now >= readings_at and self._send_readings(connection):
                    readings_at = now if len(self._lane) >= _BATCH else now + config.readings_s
            self._judge(connection, opened, now)
            if stop.is_set() and leaving is None:
                leaving = now + _LAST_WORDS_S
                connection.publish(self._outgoing(Kind.STATE, self._report.state("stopping", session), retain=True))
            connection.turn(self._patience(now, heartbeat_at, readings_at, leaving))
        self._flush(connection)

    def _answer_commands(self, connection: Connection) -> None:
        while self._answers:
            connection.publish(self._outgoing(Kind.ANSWER, self._answers.popleft()))

    def _patience(self, now: float, heartbeat_at: float, readings_at: float, leaving: float | None) -> float:
        due = [heartbeat_at - now, self._publisher.next_due_s(), _TURN_S]
        if leaving is not None:
            due.append(leaving - now)
        if len(self._lane):
            due.append(readings_at - now)
        return max(0.0, min(due))

    def _judge(self, connection: Connection, opened: float, now: float) -> None:
        """Leave a connection that only looks alive: paho would say it is connected."""
        silent_s = now - connection.heard
        if self._with_broker.is_over(silent_s, 2.4 * self._config.heartbeat_s):
            connection.abandon()
            raise LinkError(f"{connection.address}: no sign of the broker for {silent_s:.0f} s")
        silent_s = now - max(opened, self._answered or 0.0)
        if self._with_server.is_over(silent_s):
            never = f": is this enrolled as {self._config.site}/{self._config.agent}?" if self._answered is None else ""
            raise LinkError(f"{connection.address}: the server has not answered for {silent_s:.0f} s{never}")

    def _flush(self, connection: Connection) -> None:
        deadline = time.monotonic() + 0.3
        while connection.congested() and time.monotonic() < deadline:
            connection.turn(0.05)

    def _greet(self, connection: Connection, session: int, epoch: str, config: AgentConfig) -> None:
        message = birth(config, self._clock.now(), session, epoch)
        connection.publish(self._outgoing(Kind.BIRTH, message, retain=True))
        connection.publish(self._outgoing(Kind.STATE, self._report.state("online", session), retain=True))

    def _send_readings(self, connection: Connection) -> bool:
        batch = self._lane.take(_BATCH)
        if not batch:
            return False
        connection.publish(self._outgoing(Kind.READINGS, self._report.readings(batch), qos=0))
        return True

    def _send_still(self, connection: Connection, now: float) -> None:
        """Send one when the server has every event: it is never before its own, and delays none."""
        if len(self._stills) and self._outbox.empty() and (still := self._stills.take(now)) is not None:
            connection.publish(self._outgoing(Kind.STILLS, still, qos=0))

    def _heartbeat(self, session: int) -> Outgoing:
        self._stills.forget(time.monotonic())
        heard = None if self._answered is None else Answered(self._answer, self.answer_age_s())
        return self._outgoing(Kind.HEARTBEAT, self._report.heartbeat(session, heard, self._stills.dropped))

    def _hear(self, message: Incoming) -> None:
        try:
            match parse(message.topic).kind:
                case Kind.RECEIPT:
                    receipt = Receipt.model_validate_json(message.body)
                    if receipt.heartbeat is not None and 0 < receipt.heartbeat <= self._report.beats:
                        if self._answered is None or self.answer_age_s() > 2.4 * self._config.heartbeat_s:
                            self._publisher.reconnected()  # what was sent into the silence: again at once
                        self._answered, self._answer = time.monotonic(), receipt.heartbeat
                        self._with_broker.reset()
                        self._with_server.reset()
                    self._publisher.receipt(receipt)
                case Kind.COMMAND:
                    self._obey(CommandMessage.model_validate_json(message.body).command)
                case _:
                    return
        except (ValidationError, TopicError) as e:
            log.warning("%s: a message that is not ours is ignored: %s", message.topic, str(e).splitlines()[0])

    def _obey(self, command: Command) -> None:
        if isinstance(command, Resend):
            self._outbox.resend(command.epoch, command.first, command.last)
        else:
            self._command(command)

    def _well(self, address: str) -> None:
        if self._trouble:
            log.warning("%s: connected again", address)
        else:
            log.info("%s: connected", address)
        self._trouble = ""

    def _unwell(self, cause: str) -> None:
        if not self._trouble:
            log.error("%s; events are stored and sent when it is back", cause)
        else:
            log.debug("%s", cause)
        self._trouble = cause

    def _topic(self, kind: Kind) -> str:
        return str(Topic(self._config.site, self._config.agent, kind))

    def _outgoing(self, kind: Kind, message: Message, *, qos: int = 1, retain: bool = False) -> Outgoing:
        return Outgoing(self._topic(kind), message.model_dump_json().encode(), qos, retain)
