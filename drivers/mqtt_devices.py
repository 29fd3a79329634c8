"""Devices that publish to an MQTT broker."""

from __future__ import annotations

import logging
import ssl
import time
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from config.mqtt_devices import MqttDeviceBus
from config.secrets import read_secret
from drivers.errors import DriverError, cause_of, reason_of
from drivers.mqtt_messages import Message, samples_of
from drivers.now import now
from drivers.samples import Sample

if TYPE_CHECKING:
    from paho.mqtt.client import Client

log = logging.getLogger(__name__)
LONGEST_PAYLOAD = 64 * 1024
MOST_AT_ONCE = 1000


class MqttDevicesDriver:
    """Subscribes to the points' topics with a client of its own, driven by this thread.

    Values are in the unit the device publishes. A broker that is lost is a DriverError; a device its availability
    topic calls offline is a Silence ('offline'). `silence_s` of each point (2.5 declared intervals) judges the rest.
    """

    interval_s = 0.0
    done = False

    def __init__(self, bus: MqttDeviceBus) -> None:
        self.name = bus.name
        self._bus = bus
        self._client: Client | None = None
        self._came: deque[Message] = deque(maxlen=MOST_AT_ONCE)
        self._told_oversize = False
        self._refusal = ""
        self._granted = False

    def __enter__(self) -> Self:
        """Connect and subscribe."""
        from paho.mqtt.client import Client  # noqa: PLC0415 - loads when a driver is made
        from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode  # noqa: PLC0415

        bus = self._bus
        client = Client(CallbackAPIVersion.VERSION2, client_id="", clean_session=True)
        client.connect_timeout = bus.timeout_s
        if bus.user is not None:
            client.username_pw_set(bus.user, self._password())
        if bus.tls:
            client.tls_set_context(self._tls())  # pyright: ignore[reportUnknownMemberType]
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        self._came.clear()
        self._refusal, self._granted = "", False
        try:
            client.connect(bus.host, bus.port, bus.keepalive_s)
        except ssl.SSLCertVerificationError as e:
            text = f"{self.name}: broker {bus.host}:{bus.port} is not who it should be: {e.verify_message}"
            raise DriverError(text, "untrusted") from e
        except (OSError, ValueError) as e:
            text = f"{self.name}: broker {bus.host}:{bus.port} cannot be reached: {cause_of(e)}"
            raise DriverError(text, reason_of(e)) from e
        self._client = client
        deadline = time.monotonic() + bus.timeout_s
        while not self._granted:
            code = client.loop(0.1)
            if self._refusal or code != MQTTErrorCode.MQTT_ERR_SUCCESS or time.monotonic() > deadline:
                self.close()
                reason = self._refusal or "it does not answer as an MQTT broker"
                raise DriverError(
                    f"{self.name}: broker {bus.host}:{bus.port}: {reason}", "refused" if self._refusal else "timeout"
                )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        self.close()

    def read(self) -> Sequence[Sample]:
        """Wait up to half a second for messages; return what they say."""
        self._turn(0.5 if not self._came else 0.0)
        handled = 0
        while handled < len(self._came) < MOST_AT_ONCE:  # one packet a turn: go on while they come
            handled = len(self._came)
            self._turn(0.0)
        at, utc = now()
        samples = [sample for message in self._came for sample in samples_of(self._bus.point, message, at, utc)]
        self._came.clear()
        return samples

    def close(self) -> None:
        """Disconnect."""
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            client.loop(0.0)

    def _turn(self, timeout_s: float) -> None:
        client = self._client
        if client is None:
            raise DriverError(f"{self.name}: closed")
        code = client.loop(timeout_s)
        if code != 0:
            from paho.mqtt.client import error_string  # noqa: PLC0415

            raise DriverError(
                f"{self.name}: broker {self._bus.host}:{self._bus.port} is lost: {error_string(code)}", "hung-up"
            )

    def _tls(self) -> ssl.SSLContext:
        """Trust the named CA alone, or the system's; show our certificate where we have one."""
        bus = self._bus
        try:
            context = ssl.create_default_context(cafile=bus.ca_file)
            if bus.cert_file is not None:
                context.load_cert_chain(bus.cert_file, bus.key_file)
        except (OSError, ValueError) as e:
            files = ", ".join(str(file) for file in (bus.ca_file, bus.cert_file, bus.key_file) if file)
            raise DriverError(f"{self.name}: {files}: cannot be used for TLS: {cause_of(e)}", "untrusted") from e
        return context

    def _password(self) -> str | None:
        if self._bus.password_file is None:
            return None
        try:
            return read_secret(self._bus.password_file)
        except OSError as e:
            raise DriverError(
                f"{self.name}: {self._bus.password_file} cannot be read: {cause_of(e)}", reason_of(e)
            ) from e

    def _on_connect(self, client: Client, userdata: object, flags: object, reason: Any, properties: object) -> None:
        del userdata, flags, properties
        if reason.is_failure:
            self._refusal = f"refused: {reason}"
            return
        topics = {topic for point in self._bus.point for topic in (point.topic, point.availability) if topic}
        client.subscribe([(topic, 1) for topic in sorted(topics)])

    def _on_subscribe(
        self, client: Client, userdata: object, mid: int, reasons: Sequence[Any], properties: object
    ) -> None:
        del client, userdata, mid, properties
        if any(reason.is_failure for reason in reasons):
            self._refusal = "it refuses a topic: give this user the right to read it"
        self._granted = True

    def _on_message(self, client: Client, userdata: object, message: Any) -> None:
        del client, userdata
        if len(message.payload) > LONGEST_PAYLOAD:
            if not self._told_oversize:
                log.warning("%s: a payload of %d bytes is left out", self.name, len(message.payload))
                self._told_oversize = True
            return
        self._came.append(Message(message.topic, message.payload, retained=message.retain))
