"""The broker between a peer and its server, and an ear that hears what the peer said, and when."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from bench.nats import free_port
from bench.peer_programs import Peer


class Broker:
    """A mosquitto that can be taken away and put back on the same port."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._file = folder / "mosquitto.conf"
        self._file.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if program is None:
            raise RuntimeError("mosquitto is not installed")
        self._process = subprocess.Popen([program, "-c", self._file], stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        """Take it away."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)


class Ear:
    """Hears everything, notes when each thing was first said, and answers as the peer's own server would."""

    def __init__(self, peer: Peer, port: int) -> None:
        self._peer = peer
        self.said: dict[str, tuple[int, float]] = {}  # identity -> what it shows, when
        self.last: tuple[int, float] | None = None
        self.first = threading.Event()
        self.here = threading.Event()
        self._news = threading.Condition()
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = self._on_disconnect
        self.client.on_message = self._hear
        self.client.connect_async("127.0.0.1", port)
        self.client.loop_start()

    def _on_connect(self, client: paho.Client, *_: object) -> None:
        client.subscribe("#", 1)
        self.here.set()

    def _on_disconnect(self, *_: object) -> None:
        self.here.clear()

    def _hear(self, client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        at = time.monotonic()
        payload = bytes(message.payload)
        answer = self._peer.answer(message.topic, payload)
        if answer is not None:
            client.publish(*answer, 1)
        with self._news:
            for identity, shows in self._peer.said(message.topic, payload):
                self.first.set()
                self.last = (shows, at)
                self.said.setdefault(identity, (shows, at))
            self._news.notify_all()

    def wait(self, shows: int, timeout_s: float) -> float | None:
        """Wait until that is the last thing said; return when."""
        with self._news:
            done = self._news.wait_for(lambda: self.last is not None and self.last[0] == shows, timeout_s)
            return self.last[1] if done and self.last is not None else None

    def close(self) -> None:
        """Stop hearing."""
        self.client.disconnect()
        self.client.loop_stop()
