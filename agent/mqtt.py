"""One connection to the broker: paho's protocol driven by our own loop, so that no hidden thread can die."""

from __future__ import annotations

import selectors
import socket
import ssl
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from agent.link_words import of_end, of_error, of_refusal
from config.agent import MqttSection
from config.secrets import read_secret

_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of OpenSSL: ssl has no name for it
_DEAD_LINE_MS = 15_000  # the kernel gives a connection up when sent bytes stay unacknowledged so long


class LinkError(OSError):
    """The broker cannot be reached or used; the text starts with its address."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to publish."""

    topic: str
    body: bytes
    qos: int = 1
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message that arrived."""

    topic: str
    body: bytes


class Connection:
    """An open connection. Everything but `wake` is for the one thread that opened it."""

    def __init__(self, section: MqttSection, client_id: str, will: Outgoing, *, clock_synced: bool) -> None:
        self.address = f"{section.host}:{section.port}"
        self._section = section
        self._inbox: deque[Incoming] = deque()
        self._refused: deque[str] = deque()
        self._unanswered: set[int] = set()  # paho reports a QoS 0 message as published when it is only written
        self._accepted = False
        self._end = ""
        self.heard = time.monotonic()
        self._selector = selectors.DefaultSelector()
        self._waker, self._woken = socket.socketpair()
        self._client = self._make(client_id, will, clock_synced=clock_synced)

    def _make(self, client_id: str, will: Outgoing, *, clock_synced: bool) -> paho.Client:
        section = self._section
        five = section.protocol == "5"
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if five else True,
            protocol=paho.MQTTv5 if five else paho.MQTTv311,
        )
        client.connect_timeout = section.timeout_s
        client.max_inflight_messages_set(2000)  # the outbox holds the truth; its window is far smaller
        client.max_queued_messages_set(2000)
        client.will_set(will.topic, will.body, will.qos, will.retain)
        if section.user is not None:
            client.username_pw_set(section.user, _password(section))
        if (context := tls(section, clock_synced=clock_synced)) is not None:
            client.tls_set_context(context)  # pyright: ignore[reportUnknownMemberType]
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        return client

    def __enter__(self) -> Self:
        """Connect and wait until the broker accepts; raise LinkError."""
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._woken.settimeout(0)
        try:
            self._client.connect(self._section.host, self._section.port, self._section.keepalive_s)
            self._tune()
            self._await_acceptance(time.monotonic() + self._section.timeout_s)
        except LinkError:
            self.close()
            raise
        except (OSError, ValueError) as e:
            self.close()
            raise LinkError(f"{self.address}: {of_error(e)}") from e
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _await_acceptance(self, deadline: float) -> None:
        while not self._accepted:
            self.turn(max(0.0, deadline - time.monotonic()))
            if time.monotonic() > deadline:
                raise LinkError(f"{self.address}: the broker does not answer")

    def _tune(self) -> None:
        sock = self._client.socket()
        if isinstance(sock, socket.socket):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAD_LINE_MS)
            self._selector.register(sock, selectors.EVENT_READ)

    def subscribe(self, *topics: tuple[str, int]) -> None:
        """Ask for topics, each at its quality."""
        self._client.subscribe(list(topics))

    def publish(self, message: Outgoing) -> None:
        """Hand a message to the socket."""
        sent = self._client.publish(message.topic, message.body, message.qos, message.retain)
        if message.qos:
            self._unanswered.add(sent.mid)

    def congested(self) -> bool:
        """Whether the socket takes no more for now."""
        return self._client.want_write()

    def turn(self, timeout_s: float) -> None:
        """Wait for the network, a wake-up or the time-out, then do what is due; raise LinkError on a lost line."""
        sock = self._client.socket()
        if sock is None:
            raise LinkError(f"{self.address}: {self._end or 'the broker closed the connection'}")
        if isinstance(sock, socket.socket) and sock in self._selector.get_map():
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._client.want_write() else 0)
            self._selector.modify(sock, wanted)
        pending = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        ready = self._selector.select(0 if pending else timeout_s)
        for key, events in ready:
            if key.fileobj is self._woken:
                self._drain_wakes()
            elif events & selectors.EVENT_WRITE:
                self._client.loop_write()
        if pending or any(key.fileobj is sock and events & selectors.EVENT_READ for key, events in ready):
            self._client.loop_read()
        self._client.loop_misc()
        if self._client.socket() is None:
            raise LinkError(f"{self.address}: {self._end or 'the broker closed the connection'}")

    def _drain_wakes(self) -> None:
        try:
            while self._woken.recv(4096):
                pass
        except BlockingIOError:
            return

    def wake(self) -> None:
        """End a waiting `turn`, from any thread."""
        try:
            self._waker.send(b".", socket.MSG_DONTWAIT)
        except OSError:  # full: it wakes anyway; closed: nobody waits
            return

    def received(self) -> list[Incoming]:
        """What arrived since the last call."""
        return [self._inbox.popleft() for _ in range(len(self._inbox))]

    def refusals(self) -> list[str]:
        """What the broker refused since the last call (MQTT 5 says so, 3.1.1 hides it)."""
        return [self._refused.popleft() for _ in range(len(self._refused))]

    def close(self) -> None:
        """Say goodbye and close; harmless when closed."""
        self._selector.close()
        self._client.disconnect()
        self._waker.close()
        self._woken.close()

    def abandon(self) -> None:
        """Drop the line without goodbye, so that the broker sends the last will."""
        sock = self._client.socket()
        if isinstance(sock, socket.socket):
            sock.close()

    # paho calls these from within `turn`; each only stores.

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        self.heard = time.monotonic()
        if reason.is_failure:
            self._end = of_refusal(reason)
        else:
            self._accepted = True

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        self._end = self._end or of_end(reason)

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        self.heard = time.monotonic()
        self._inbox.append(Incoming(message.topic, bytes(message.payload)))

    def _on_publish(self, _client: Any, _data: Any, mid: int, reason: ReasonCode, _properties: Any) -> None:
        if mid in self._unanswered:
            self._unanswered.discard(mid)
            self.heard = time.monotonic()
        if reason.is_failure:
            self._refused.append(f"message {mid}: {reason}")


def tls(section: MqttSection, *, clock_synced: bool) -> ssl.SSLContext | None:
    """The TLS of a connection: always off loopback unless `plain`; on loopback when a CA is named."""
    if section.plain or (section.on_loopback and section.ca_file is None):
        return None
    context = ssl.create_default_context(cafile=section.ca_file)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the authority may stand under a root that is not here
    if section.cert_file is not None:
        context.load_cert_chain(section.cert_file, section.key_file)
    if not clock_synced:  # a clock before NTP would find every certificate not yet valid; chain and name still count
        context.verify_flags |= _NO_CHECK_TIME
    return context


def _password(section: MqttSection) -> str | None:
    if section.password_file is None:
        return None
    return read_secret(section.password_file)
