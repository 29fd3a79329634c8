"""A real server with a school, and agents at its exits that speak the wire, for tests of drills."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from ports import free_port
from waiting import until

from server import broker_users
from server.accounts import users
from server.accounts.permissions import Role
from server.database import connect, sqlite_address
from server.migrate import migrate

SITE, NAME, PASSWORD = "s1", "leader", "drill-test-password"


def school_text(classes: int = 3, size: int = 20, exits: int = 2) -> str:
    """A primary school with one building."""
    text = (
        f'site = "{SITE}"\nname = "示例小学"\nquiet_s = 4\n'
        '[[stage]]\nid = "p"\nname = "小学部"\nkind = "primary"\n'
        '[[building]]\nid = "a"\nname = "教学楼A"\nfloors = 4\n'
        '[[building.stair]]\nname = "东楼梯"\nwidth_m = 1.65\n[[building.stair]]\nname = "西楼梯"\nwidth_m = 1.65\n'
    )
    for i in range(exits):
        text += (
            f'[[building.exit]]\nid = "e{i}"\nname = "{"东西南北"[i % 4]}门"\nwidth_m = 1.8\n'
            f'line = [{{ line = "gate/line-{i}", out = "right" }}]\n'
        )
    for i in range(classes):
        grade, n = divmod(i, 4)
        text += (
            f'[[class]]\nid = "c{i}"\nname = "{"一二三四五六七八九"[grade % 9]}（{n + 1}）班"\nstage = "p"\n'
            f'building = "a"\nfloor = {1 + grade % 4}\nsize = {size}\nplace = "操场 {i + 1} 区"\n'
        )
    return text + '[[trigger]]\npoints = ["gate/siren"]\nsignal = "evacuate"\n'


@dataclass
class DrillServer:
    """The whole server as a process, with its own broker; can be killed and started again."""

    folder: Path
    school: str = field(default_factory=school_text)
    port: int = field(default_factory=free_port)
    broker_port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def prepare(self) -> None:
        """Write the files and make the login."""
        self.data.mkdir(mode=0o700)
        school, config = self.folder / "school.toml", self.folder / "server.toml"
        school.write_text(self.school, encoding="utf-8")
        config.write_text(
            f'data = "{self.data}"\nschools = ["{school}"]\n[http]\nport = {self.port}\n'
            f"[broker]\nport = {self.broker_port}\n",
            encoding="utf-8",
        )
        database = connect(sqlite_address(self.data / "campus.db"))
        migrate(database)
        with database.write.begin() as connection:
            users.add(connection, NAME, Role.PRINCIPAL, PASSWORD, datetime.now(UTC))
        database.close()

    def start(self) -> None:
        """Start and wait until it is ready."""
        command = [sys.executable, "-m", "server", "run", "--config", str(self.folder / "server.toml")]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until(self._ready, "the server to be ready", within_s=90)

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "server.log").read_text(encoding="utf-8")
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(60)

    def stop(self) -> None:
        """Ask it to end."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()

    def login(self) -> httpx.Client:
        """A client with a session and its token."""
        client = httpx.Client(base_url=self.url, timeout=60)
        answer = client.post("/api/v1/session", json={"name": NAME, "password": PASSWORD})
        assert answer.status_code < 300, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return client


@contextmanager
def served(folder: Path, school: str | None = None) -> Generator[DrillServer]:
    """Run a server until the block ends."""
    server = DrillServer(folder, school or school_text())
    server.prepare()
    server.start()
    try:
        yield server
    finally:
        server.stop()


class ExitAgent:
    """Speaks as an agent with an outbox: an entry leaves it only by a receipt."""

    def __init__(self, server: DrillServer, agent: str = "gate") -> None:
        self._root = f"campus/1/{SITE}/{agent}"
        self._lock = threading.Lock()
        self._boot, self._epoch = str(uuid.uuid4()), str(uuid.uuid4())
        self._n = self._seq = 0
        self._answered: tuple[int, float] | None = None
        self._outbox: dict[int, tuple[str, dict[str, Any], float]] = {}
        self._stop = threading.Event()
        credentials = broker_users.enroll(server.data, SITE, agent)
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"{SITE}-{agent}", clean_session=True)
        self._client.username_pw_set(credentials.user, credentials.password_file.read_text(encoding="utf-8").strip())
        self._client.on_connect = self._subscribe
        self._client.on_message = self._receipt
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_async("127.0.0.1", server.broker_port, 10)
        self._beating = threading.Thread(target=self._beat, name="exit-agent")
        self._lines = school_lines(server.school)

    def __enter__(self) -> Self:
        self._client.loop_start()
        until(self._client.is_connected, "the agent to connect")
        self._send("birth", {"name": "出口终端", "stamp": self._stamp(), "epoch": self._epoch, "lines": self._lines})
        self._beating.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._beating.join(5)
        self._client.disconnect()
        self._client.loop_stop()

    def cross(self, line: int, direction: str = "right", ago_s: float = 0.0, **body: Any) -> None:
        """Somebody crosses a line now, or did `ago_s` before."""
        self._durable("crossings", {"line": f"line-{line}", "direction": direction, **body}, ago_s)

    def event(self, point: str, kind: str, *, active: bool = True, severity: str = "critical") -> None:
        self._durable("events", {"point": point, "kind": kind, "active": active, "severity": severity}, 0.0)

    @property
    def depth(self) -> int:
        return len(self._outbox)

    def _durable(self, kind: str, body: dict[str, Any], ago_s: float) -> None:
        with self._lock:
            self._seq += 1
            whole = {
                **body,
                "id": str(uuid.uuid4()),
                "epoch": self._epoch,
                "seq": self._seq,
                "stamp": self._stamp(ago_s),
            }
            self._outbox[self._seq] = (kind, whole, time.monotonic())
        self._send(kind, whole)

    def _stamp(self, ago_s: float = 0.0) -> dict[str, Any]:
        # A clock in 1970, as after a power cut without a clock chip: only the monotonic time is good.
        at = datetime.fromtimestamp(time.monotonic() - ago_s, tz=UTC)
        return {
            "at": at.isoformat(),
            "boot_id": self._boot,
            "mono_s": time.monotonic() - ago_s + 1000,
            "clock": "unsynced",
        }

    def _beat(self) -> None:
        while not self._stop.wait(0.5):
            with self._lock:
                self._n += 1
                waiting = [at for _, _, at in self._outbox.values()]
                late = [entry for entry in self._outbox.values() if time.monotonic() - entry[2] > 1]
                answered = self._answered
            beat: dict[str, Any] = {"n": self._n, "stamp": self._stamp(), "epoch": self._epoch, "last_seq": self._seq}
            beat |= {
                "depth": len(waiting),
                "oldest_unacked_s": time.monotonic() - min(waiting, default=time.monotonic()),
            }
            if answered is not None:
                beat |= {"answered": answered[0], "answer_age_s": time.monotonic() - answered[1]}
            self._send("heartbeat", beat)
            for kind, body, _ in late:
                self._send(kind, body)

    def _send(self, kind: str, body: dict[str, Any]) -> None:
        if self._client.is_connected():
            self._client.publish(f"{self._root}/{kind}", json.dumps(body), qos=1)

    def _subscribe(self, client: paho.Client, *_: Any) -> None:
        client.subscribe(f"{self._root}/receipt", qos=1)

    def _receipt(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        body = json.loads(message.payload)
        with self._lock:
            if body.get("heartbeat") is not None:
                self._answered = (body["heartbeat"], time.monotonic())
            if body.get("epoch") == self._epoch:
                for seq in body.get("seqs", ()):
                    self._outbox.pop(seq, None)


def school_lines(text: str) -> list[dict[str, str]]:
    """The lines an agent's birth names."""
    n = text.count("[[building.exit]]")
    return [{"id": f"line-{i}", "name": f"出口{i}"} for i in range(n)]
