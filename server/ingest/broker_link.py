"""The way to the broker: subscribes, hands arrivals on, publishes receipts and commands, and proves itself alive."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from config.agent import MqttSection
from config.secrets import read_secret
from contracts.messages import Command, CommandMessage
from contracts.topics import Kind, Topic
from server.ingest.decode import Arrival
from server.ingest.intake import Answer
from server.ingest.subscriptions import EVERY_SITE, Filter, Subscriptions
from server.metrics import Metrics

PROBE_S = 2.0
SILENT_S = 10.0
AGAIN_S = 10.0  # between two requests for what the broker keeps: a flood of births must not become one of ours
_READINGS = f"/{Kind.READINGS}"
_ANSWER = f"/{Kind.ANSWER}"
_STILLS = f"/{Kind.STILLS}"
_OURS = (f"/{Kind.RECEIPT}", f"/{Kind.COMMAND}")
_NOT_SENT_AGAIN = (f"/{Kind.BIRTH}", f"/{Kind.STATE}")
AGREEING_S = 20.0  # so much longer than usual a broker may be silent that has not answered a subscription yet

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lanes:
    """Where arrivals go. The readings lane may drop; the durable one makes the agent send again."""

    durable: Callable[[Arrival], bool]
    readings: Callable[[Arrival], bool]
    answers: Callable[[Arrival], bool] = lambda _: False
    """Answers to commands: nobody waits for those of another process."""
    stills: Callable[[Arrival], bool] = lambda _: False
    """Stills of alarms: dropped where there is no room, and where none are kept."""
    ours: Callable[[Arrival], bool] = lambda _: True
    """What belongs to another process is acknowledged and forgotten: that one has its own copy."""


class BrokerLink:
    """One MQTT session. A message is acknowledged to the broker only after its commit.

    `is_connected()` is never asked: the link sends itself a probe through the broker, and its age is the health.
    `common` are filters to listen to whatever sites are taken.
    """

    def __init__(
        self,
        section: MqttSection,
        lanes: Lanes,
        metrics: Metrics,
        sites: Collection[str] = (EVERY_SITE,),
        client_id: str = "ingest-0",
        common: Sequence[Filter] = (),
    ) -> None:
        self._section = section
        self._lanes = lanes
        self._metrics = metrics
        self._lock = threading.Lock()  # over the next three, so that a reconnect in between forgets no change
        self._sites = set(sites)
        self._left: set[str] = set()
        self._subscriptions = Subscriptions(f"{section.host}:{section.port}", common)
        self._client_id = client_id
        self._probe_topic = f"campus/server/{client_id}"
        self._client: mqtt.Client | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep_alive, name="broker-link", daemon=True)
        self._said_lost = False
        self._began_s = 0.0
        self._probed_s: float | None = None
        self._forgone = False
        self._asked_again_s = 0.0

    def start(self) -> None:
        """Begin to connect, and go on trying."""
        self._thread.start()

    def close(self) -> None:
        """Leave the broker; may be called twice."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def age_s(self) -> float | None:
        """Seconds since a probe last came back through the broker; None before the first."""
        return None if self._probed_s is None else time.monotonic() - self._probed_s

    def hears(self, within_s: float) -> bool:
        """Tell whether the broker gave a sign of life so lately; one that works on our subscriptions has longer."""
        age_s = self.age_s()
        return age_s is not None and age_s < within_s + (AGREEING_S if self._subscriptions.agreeing else 0.0)

    def unheard(self) -> frozenset[str]:
        """Return the sites of which the broker has kept something from us for a while."""
        with self._lock:
            found = self._subscriptions.unheard()
            return frozenset(self._sites or {EVERY_SITE}) if EVERY_SITE in found else found

    def answer(self, answer: Answer) -> bool:
        """Publish a receipt. One that is lost is harmless: the agent sends again and is answered again."""
        return self._publish(
            str(Topic(answer.topic.site, answer.topic.agent, Kind.RECEIPT)), answer.receipt.model_dump_json(), qos=0
        )

    def command(self, site: str, agent: str, command: Command) -> bool:
        """Publish a command; False where the broker is away."""
        text = CommandMessage(command=command).model_dump_json()
        return self._publish(str(Topic(site, agent, Kind.COMMAND)), text, qos=1)

    def acknowledge(self, arrival: Arrival) -> None:
        """Tell the broker that a message is committed."""
        client = self._client
        if client is not None and arrival.qos > 0:
            client.ack(arrival.mid, arrival.qos)

    def take(self, sites: Collection[str]) -> None:
        """Hear these sites as well."""
        with self._lock:
            self._sites |= set(sites)
            self._left -= set(sites)
            if (client := self._client) is not None and sites:
                self._subscriptions.ask(client, sites)

    def leave(self, sites: Collection[str]) -> None:
        """Hear these sites no more; the session of an earlier run may still hold their subscriptions."""
        with self._lock:
            self._sites -= set(sites)
            self._left |= set(sites)
            if (client := self._client) is not None and sites:
                self._subscriptions.leave(client, sites)

    def forgo(self, arrival: Arrival) -> None:
        """Let the broker forget a message that could not be kept. Its agent has no receipt and sends it again.

        A broker that waits for the acknowledgement of twenty such messages would never deliver another.
        """
        if arrival.topic.endswith(_NOT_SENT_AGAIN):
            self._forgone = True
        self.acknowledge(arrival)

    def _publish(self, topic: str, text: str, qos: int) -> bool:
        client = self._client
        if client is None:
            return False
        return client.publish(topic, text, qos=qos).rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    @property
    def alive(self) -> bool:
        """Whether somebody still tries; where not, a mistake in the program ended it."""
        return self._thread.is_alive()

    def _keep_alive(self) -> None:
        while not self._stop.is_set():
            try:
                client = self._client = self._connect()
            except (OSError, ValueError) as e:  # a password or certificate file that is just being replaced
                self._say_lost(str(e))
                self._stop.wait(PROBE_S)
                continue
            self._began_s, self._probed_s = time.monotonic(), self._probed_s
            try:
                self._probe_until_silent(client)
            finally:
                self._client = None
                client.disconnect()
                client.loop_stop()

    def _probe_until_silent(self, client: mqtt.Client) -> None:
        while not self._stop.wait(PROBE_S):
            client.publish(self._probe_topic, f"{time.monotonic()}", qos=0)
            if (self._forgone or self._subscriptions.refused) and time.monotonic() - self._asked_again_s > AGAIN_S:
                self._ask_again(client)
            age_s = time.monotonic() - max(self._began_s, self._probed_s or 0.0)
            if age_s > SILENT_S + (AGREEING_S if self._subscriptions.agreeing else 0.0):
                # A half-open connection, a frozen broker or a dead client thread look alike from here: begin anew.
                if not self._said_lost:
                    _log.warning("broker %s: silent for %.0f s, connecting anew", self._address, age_s)
                    self._said_lost = True
                return

    def _ask_again(self, client: mqtt.Client) -> None:
        """Ask for what was refused, and for all where we let a birth or state go: only the broker has those again."""
        everything, self._forgone = self._forgone, False
        self._asked_again_s = time.monotonic()
        with self._lock:
            if everything:
                self._subscriptions.ask(client, self._sites)
            else:
                self._subscriptions.ask_again(client)

    @property
    def _address(self) -> str:
        return f"{self._section.host}:{self._section.port}"

    def _connect(self) -> mqtt.Client:
        section = self._section
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            clean_session=False,
            protocol=mqtt.MQTTv311,
            manual_ack=True,
        )
        if section.user is not None:
            password = read_secret(section.password_file) if section.password_file else None
            client.username_pw_set(section.user, password)
        if not is_plain(section):
            client.tls_set_context(tls_context(section))  # pyright: ignore[reportUnknownMemberType]
        client.max_queued_messages_set(10_000)
        client.reconnect_delay_set(1, 5)
        client.connect_timeout = section.timeout_s
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_socket_open = _send_at_once
        client.connect_async(section.host, section.port, keepalive=section.keepalive_s)
        client.loop_start()
        return client

    def _on_connect(
        self, client: mqtt.Client, _data: object, _flags: mqtt.ConnectFlags, reason: ReasonCode, _p: Properties | None
    ) -> None:
        if reason.is_failure:
            self._say_lost(str(reason))
            return
        with self._lock:
            client.subscribe(self._probe_topic, 0)
            self._subscriptions.begin(client)
            self._subscriptions.leave(client, self._left)
            self._subscriptions.ask(client, self._sites)
        client.publish(self._probe_topic, f"{time.monotonic()}", qos=0)

    def _on_subscribe(
        self, client: mqtt.Client, _data: object, mid: int, reasons: list[ReasonCode], _p: Properties | None
    ) -> None:
        with self._lock:
            self._subscriptions.answered(client, mid, reasons)

    def _on_connect_fail(self, _client: mqtt.Client, _data: object) -> None:
        self._say_lost("no connection")

    def _on_disconnect(
        self,
        _client: mqtt.Client,
        _data: object,
        _flags: mqtt.DisconnectFlags,
        reason: ReasonCode,
        _p: Properties | None,
    ) -> None:
        if not self._stop.is_set():
            self._say_lost(str(reason))

    def _say_lost(self, reason: str) -> None:
        if not self._said_lost:
            self._said_lost = True
            _log.warning("broker %s: %s; trying again", self._address, reason)

    def _on_message(self, client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        now_s = time.monotonic()
        try:
            topic = message.topic
        except UnicodeDecodeError:
            client.ack(message.mid, message.qos)
            return
        if topic == self._probe_topic:
            self._heard_probe(now_s)
            return
        if topic.endswith(_OURS):
            client.ack(message.mid, message.qos)
            return
        arrival = Arrival(
            topic, bytes(message.payload), datetime.now(UTC), now_s, message.mid, message.qos, message.retain
        )
        if not self._lanes.ours(arrival):
            client.ack(message.mid, message.qos)
            return
        if topic.endswith(_READINGS):
            client.ack(message.mid, message.qos)
            lane, taken = "readings", self._lanes.readings(arrival)
        elif topic.endswith(_ANSWER):
            client.ack(message.mid, message.qos)
            lane, taken = "answers", self._lanes.answers(arrival)
        elif topic.endswith(_STILLS):
            client.ack(message.mid, message.qos)
            lane, taken = "stills", self._lanes.stills(arrival)
        else:
            lane, taken = "durable", self._lanes.durable(arrival)
            if not taken:
                self.forgo(arrival)
        (self._metrics.arrivals if taken else self._metrics.dropped).labels(lane).inc()

    def _heard_probe(self, now_s: float) -> None:
        self._probed_s = now_s
        if self._said_lost:
            self._said_lost = False
            _log.info("broker %s: is back", self._address)


def _send_at_once(_client: mqtt.Client, _data: object, sock: object) -> None:
    """Turn Nagle's algorithm off: a receipt would wait until the broker's system has confirmed the bytes before it."""
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def is_plain(section: MqttSection) -> bool:
    """Tell whether the link goes without TLS: on loopback, or where the operator asks for it by name."""
    return section.plain or (section.ca_file is None and section.on_loopback)


def tls_context(section: MqttSection) -> ssl.SSLContext:
    """Make the TLS context of a link that leaves loopback."""
    context = ssl.create_default_context(cafile=section.ca_file)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the authority may stand under a root that is not here
    if section.cert_file is not None:
        context.load_cert_chain(section.cert_file, section.key_file)
    return context
