"""A whole server for tests: real HTTP and SSE in-process or as a process, agents that speak the wire."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from waiting import until

from config import load
from config.server import ServerConfig
from contracts.messages import Birth, Event, Heartbeat, Point, Receipt, Stamp, State
from contracts.topics import Kind, Topic
from contracts.vocabulary import Clock, Severity

ROOT = Path(__file__).parent.parent
PASSWORD = "a-password-for-tests"


class WireAgent:
    """An agent that keeps its events until they are receipted and sends them again, and nothing more."""

    def __init__(
        self, host: str, port: int, site: str = "no1", agent: str = "lab", user: str = "", password: str = ""
    ) -> None:
        self.site, self.agent = site, agent
        self.boot_id, self.epoch = str(uuid.uuid4()), str(uuid.uuid4())
        self.unacked: dict[int, Event] = {}
        self.receipts: list[Receipt] = []
        self.commands: list[Mapping[str, Any]] = []
        self.seq = 0
        self._lock = threading.Lock()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"{site}-{agent}", protocol=mqtt.MQTTv311)
        if user:
            self.client.username_pw_set(user, password)

        def subscribe(client: mqtt.Client, *_rest: object) -> None:
            client.subscribe([(self.topic(Kind.RECEIPT), 0), (self.topic(Kind.COMMAND), 0)])

        self.client.on_connect = subscribe
        self.client.on_message = self._on_message
        self.client.reconnect_delay_set(1, 1)
        self.client.connect_async(host, port, keepalive=10)
        self.client.loop_start()
        # What is published while it connects can overtake what was published before.
        deadline = time.monotonic() + 20
        while not self.client.is_connected() and time.monotonic() < deadline:
            time.sleep(0.01)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def redial(self) -> None:
        """Break the connection; the client makes a new one by itself."""
        with suppress(OSError):
            if (sock := self.client.socket()) is not None:
                sock.shutdown(socket.SHUT_RDWR)  # pyright: ignore[reportAttributeAccessIssue] - a socket, typed narrower

    def topic(self, kind: Kind) -> str:
        return str(Topic(self.site, self.agent, kind))

    def stamp(self) -> Stamp:
        return Stamp(at=datetime.now(UTC), boot_id=self.boot_id, mono_s=time.monotonic(), clock=Clock.SYNCED)

    def publish(self, kind: Kind, text: str | bytes, *, retain: bool = False) -> None:
        self.client.publish(self.topic(kind), text, qos=1, retain=retain)

    def birth(self, *points: Point, session: int = 1) -> None:
        message = Birth(name="实验楼", stamp=self.stamp(), session=session, epoch=self.epoch, points=points)
        self.publish(Kind.BIRTH, message.model_dump_json(), retain=True)

    def state(self, status: Any, session: int = 1) -> None:
        self.publish(Kind.STATE, State(status=status, boot_id=self.boot_id, session=session).model_dump_json())

    def event(self, point: str = "smoke-1", kind: str = "smoke", *, active: bool = True, send: bool = True) -> Event:
        self.seq += 1
        event = Event(
            id=str(uuid.uuid4()), epoch=self.epoch, seq=self.seq, stamp=self.stamp(), point=point, kind=kind,
            active=active, severity=Severity.CRITICAL, reason="test",
        )  # fmt: skip
        with self._lock:
            self.unacked[event.seq] = event
        if send:
            self.publish(Kind.EVENTS, event.model_dump_json())
        return event

    def send_again(self) -> int:
        with self._lock:
            waiting = list(self.unacked.values())
        for event in waiting:
            self.publish(Kind.EVENTS, event.model_dump_json())
        return len(waiting)

    def heartbeat(self, n: int, session: int = 1) -> None:
        beat = Heartbeat(n=n, stamp=self.stamp(), session=session, epoch=self.epoch, last_seq=self.seq)
        self.publish(Kind.HEARTBEAT, beat.model_dump_json())

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        if message.topic.endswith("command"):
            self.commands.append(json.loads(message.payload)["command"])
            return
        receipt = Receipt.model_validate_json(message.payload)
        with self._lock:
            self.receipts.append(receipt)
            if receipt.epoch == self.epoch:
                for seq in (*receipt.seqs, *(one.seq for one in receipt.rejected)):
                    self.unacked.pop(seq, None)


def write_config(folder: Path, *, http_port: int, mqtt_port: int, embedded: bool = False) -> Path:
    """Write a server's TOML."""
    file = folder / "server.toml"
    broker = f'[broker]\ntype = "embedded"\nport = {mqtt_port}\n'
    if not embedded:
        broker = f'[broker]\ntype = "external"\n[mqtt]\nport = {mqtt_port}\n'
    file.write_text(f'data = "{folder / "data"}"\n[http]\nport = {http_port}\n{broker}', encoding="utf-8")
    return file


class ServerProcess:
    """A real server process that can be killed and started again."""

    def __init__(
        self, config: Path, http_port: int, code: str = "", log: Path | None = None, command: str = "run"
    ) -> None:
        self.base = f"http://127.0.0.1:{http_port}"
        program = ["-c", code, str(config)] if code else ["-m", "server", command, "--config", str(config)]
        self._command = [sys.executable, *program]
        self._config = config
        self._log = log or config.with_suffix(".log")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True) -> None:
        with self._log.open("ab") as out:
            self.process = subprocess.Popen(self._command, cwd=ROOT, stdout=out, stderr=out)
        if wait:
            until(self.ready, what=f"server ready: {self._log}")

    def ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self._log.read_text()[-3000:]
        try:
            return httpx.get(f"{self.base}/readyz", timeout=2.0).status_code == 200
        except httpx.HTTPError:
            return False

    def end(self, how: int = signal.SIGKILL) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(15)

    def mqtt_port(self) -> int:
        return int(load(self._config, ServerConfig).broker.port)

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")


@cache
def _hashed() -> str:
    from server.accounts.users import hash_password

    return hash_password(PASSWORD)  # argon2 is slow on purpose: once is enough


def add_user(data: Path, name: str = "tester", role: str = "admin", address: str = "") -> None:
    """Put a user into a server's database; SQLite in `data` where no address is given."""
    from server.accounts.reach import EVERYWHERE, put
    from server.accounts.tables import users
    from server.database import connect, sqlite_address
    from server.migrate import migrate

    data.mkdir(mode=0o700, exist_ok=True)
    database = connect(address or sqlite_address(data / "campus.db"))
    migrate(database)
    with database.write.begin() as connection:
        row = {"name": name, "role": role, "password": _hashed(), "created_at": datetime.now(UTC)}
        key = connection.execute(users.insert().values(row)).inserted_primary_key
        put(connection, key[0] if key else 0, EVERYWHERE)
    database.close()


@contextmanager
def logged_in(base: str, name: str = "tester") -> Generator[httpx.Client]:
    """A client with a session."""
    with httpx.Client(base_url=base, timeout=15.0) as client:
        answer = client.post("/api/v1/session", json={"name": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        yield client


def sse(client: httpx.Client, after: int | None = None) -> Generator[tuple[str, int | None, Any]]:
    """Read the live stream: name, number, data."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    with client.stream("GET", "/api/v1/stream", headers=headers, timeout=15.0) as response:
        assert response.status_code == 200
        name, n = "", None
        for line in response.iter_lines():
            key, _, value = line.partition(": ")
            match key:
                case "event":
                    name = value
                case "id":
                    n = int(value)
                case "data":
                    yield name, n, json.loads(value)
                    name, n = "", None
                case _:
                    pass
