"""Both brokers as they are shipped, behind TLS and certificates, for those who try to get in."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from ports import free_port
from serving import ROOT
from waiting import until

from config.server import BrokerSection
from server.broker import EmbeddedBroker
from server.broker_users import write_private
from server.enrol import authority
from server.enrol.authority import Authority
from server.enrol.doors import admitted_file


class Gate(Protocol):
    """A broker that knows the campus authority."""

    port: int
    secure: bool
    """Whether client ids are names of certificates, and so cannot be chosen."""

    def start(self, admitted: Mapping[str, str]) -> None: ...
    def cut_off(self, serial: str, admitted: Mapping[str, str]) -> None: ...
    def stop(self) -> None: ...


@dataclass
class NatsGate:
    """The embedded broker with the very configuration the server writes."""

    data: Path
    issuer: Authority
    port: int = field(default_factory=free_port)
    secure: bool = False
    _process: subprocess.Popen[bytes] | None = None

    def start(self, admitted: Mapping[str, str]) -> None:
        self._embedded = EmbeddedBroker(self._section(), self.data)
        self._tell(admitted)
        self._embedded.start()

    def cut_off(self, serial: str, admitted: Mapping[str, str]) -> None:
        self._tell(admitted)
        process = self._embedded._process
        assert process is not None
        self._embedded._let_in(process)

    def stop(self) -> None:
        self._embedded.stop()

    def _section(self) -> BrokerSection:
        file = authority.folder_of(self.data) / "server.pem"
        return BrokerSection(host="127.0.0.1", port=self.port, cert_file=file, key_file=file)

    def _tell(self, admitted: Mapping[str, str]) -> None:
        write_private(admitted_file(self.data), json.dumps(dict(admitted)))


@dataclass
class MosquittoGate:
    """The shipped mosquitto files; only paths and the port are this machine's."""

    data: Path
    issuer: Authority
    port: int = field(default_factory=free_port)
    secure: bool = True
    _process: subprocess.Popen[bytes] | None = None

    def start(self, admitted: Mapping[str, str]) -> None:
        del admitted  # mosquitto lets in whom the authority signed and has not revoked
        folder = self.data / "ca"
        (folder / "crl.pem").write_text(self.issuer.revoke_list([], datetime.now(UTC)))
        shutil.copy(ROOT / "config" / "mosquitto.example.acl", folder / "acl")
        text = (ROOT / "config" / "mosquitto.example.conf").read_text(encoding="utf-8")
        text = text.replace("/etc/mosquitto/campus", str(folder)).replace("listener 8883", f"listener {self.port}")
        text = text.replace("/var/lib/mosquitto/", f"{folder}/").replace("log_dest syslog", "log_dest stderr")
        text = f"user root\n{text}"  # a test's folder is closed to the user mosquitto; ignored unless we are root
        (folder / "mosquitto.conf").write_text(text, encoding="utf-8")
        self._run()

    def _run(self) -> None:
        binary = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if binary is None:
            pytest.skip("mosquitto is not installed")
        with (self.data / "mosquitto.log").open("ab") as log:
            command = [binary, "-c", str(self.data / "ca" / "mosquitto.conf")]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until(lambda: answers(self.port), what=(self.data / "mosquitto.log").read_text())

    def cut_off(self, serial: str, admitted: Mapping[str, str]) -> None:
        listed = self.issuer.revoke_list([(serial, datetime.now(UTC))], datetime.now(UTC))
        (self.data / "ca" / "crl.pem").write_text(listed)
        self.stop()  # what campus-crl.service does
        self._run()

    def stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False


class Caller:
    """A client that says what became of it."""

    def __init__(self, port: int, trust: Path | None, pair: Path | None, client_id: str = "") -> None:
        self.got: list[tuple[str, bytes]] = []
        self.accepted = 0
        self.lost = 0
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv311)
        if trust is not None:
            context = ssl.create_default_context(cafile=trust)
            if pair is not None:
                context.load_cert_chain(pair)
            self.client.tls_set_context(context)
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = self._on_disconnect
        self.client.on_message = lambda _c, _d, m: self.got.append((m.topic, bytes(m.payload)))
        self.client.reconnect_delay_set(1, 1)
        self.refused = ""
        try:
            self.client.connect("127.0.0.1", port, keepalive=10)
        except OSError as e:
            self.refused = str(e)
            return
        self.client.loop_start()

    def _on_connect(self, _c: Any, _d: Any, _f: Any, reason: Any, _p: Any) -> None:
        self.accepted += not reason.is_failure

    def _on_disconnect(self, *_: Any) -> None:
        self.lost += 1

    def inside(self, within_s: float = 5.0) -> bool:
        deadline = time.monotonic() + within_s
        while not self.accepted and not self.refused and not self.lost and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.accepted > 0

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
