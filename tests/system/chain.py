"""A whole chain of real processes, from a serial device to the ledger, and the verdict over what was lost."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.error import URLError

import psycopg
from brokers import Broker, free_port
from pty_pair import Cable, pty_pair

BIN = Path(sys.executable).parent
SITE = "test-school"
POINTS = 40
LATE_S = 30.0  # for what a slow machine accepts only after all seemed settled


class Program:
    """One of our commands as a child process, which can be killed, frozen and started again."""

    def __init__(self, name: str, command: list[str], folder: Path) -> None:
        self.name = name
        self.command = command
        self.log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it; its words go to its log."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait(60)

    def stop(self) -> float:
        """Ask it to end; return the seconds that took."""
        assert self._process is not None
        began = time.monotonic()
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        return time.monotonic() - began

    def restart(self) -> None:
        """Kill it and start it again."""
        self.kill()
        self.start()

    def freeze(self) -> None:
        """Let it hang."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def running(self) -> bool:
        """Whether it still runs."""
        return self._process is not None and self._process.poll() is None

    def said(self) -> str:
        """All it has said."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""


class Device(threading.Thread):
    """A serial device of `POINTS` levels; every line lifts or lowers one of them over its limit."""

    def __init__(self, port: Path, rate: float, seed: int) -> None:
        super().__init__(name="device", daemon=True)
        self._port = port
        self.rate = rate
        self._random = random.Random(seed)
        self._stop_asked = threading.Event()
        self._high = [False] * POINTS
        self._all_to: list[bool] = []
        self._nonsense = b""

    def all_at_once(self, *, high: bool) -> None:
        """With the next line, lift or lower every point."""
        self._all_to = [high] * POINTS

    def as_it_is(self) -> None:
        """With the next line, say every point as it is."""
        self._all_to = self._high[:]

    def is_high(self, point: int) -> bool:
        """Whether a point is over its limit."""
        return self._high[point]

    def say(self, nonsense: bytes) -> None:
        """With the next line, send these bytes first."""
        self._nonsense = nonsense

    def run(self) -> None:
        """Speak until told to stop; a cable that is pulled is found again."""
        while not self._stop_asked.is_set():
            try:
                fd = os.open(self._port, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
            except OSError:  # the cable is out
                self._stop_asked.wait(0.1)
                continue
            try:
                self._speak(fd)
            except OSError:
                self._stop_asked.wait(0.1)
            finally:
                os.close(fd)

    def _speak(self, fd: int) -> None:
        while not self._stop_asked.wait(1 / self.rate if self.rate else 0.05):
            if self._all_to:
                self._high, self._all_to = self._all_to, []
                points = range(POINTS)
            elif self.rate:
                points = range(point := self._random.randrange(POINTS), point + 1)
                self._high[point] = not self._high[point]
            else:
                continue
            line = json.dumps({f"p{n:02d}": 90.0 if self._high[n] else 10.0 for n in points}) + "\n"
            nonsense, self._nonsense = self._nonsense, b""
            try:
                os.write(fd, nonsense + line.encode())
            except BlockingIOError:
                continue  # nobody reads: a device does not wait

    def stop(self) -> None:
        """Fall silent for good."""
        self._stop_asked.set()
        self.join(5)


@dataclass
class Chain:
    """Everything between the device and the ledger."""

    folder: Path
    broker: Broker
    agents: list[Program]
    server: Program
    devices: list[Device]
    http_port: int
    database: str = ""
    cables: Sequence[Cable] = ()

    @property
    def agent(self) -> Program:
        """The only agent, or the first."""
        return self.agents[0]

    def accepted(self) -> list[tuple[str, int, str]]:
        """(epoch, seq, id) of all that the agents have accepted, by their own append-only logs."""
        lines: list[tuple[str, int, str]] = []
        for log in sorted(self.folder.glob("accepted-*.jsonl")):
            for line in log.read_text(encoding="utf-8").splitlines():
                entry = json.loads(line)
                lines.append((str(entry["epoch"]), int(entry["seq"]), str(entry["id"])))
        return lines

    def recorded(self) -> list[tuple[str, int, str]]:
        """(epoch, seq, id) of all that the server has committed."""
        return [(str(a), int(b), str(c)) for a, b, c in self.query("select epoch, seq, id from durables order by n")]

    def lamp(self) -> str:
        """What the first agent's lamp shows: "1" says that the server does not answer."""
        file = self.folder / "lamp-a0"
        return file.read_text(encoding="ascii") if file.exists() else ""

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Read the server's database from outside."""
        if self.database:
            with psycopg.connect(self.database.replace("+psycopg", ""), connect_timeout=5) as outside:
                return outside.execute(sql.encode()).fetchall()
        files = [file for file in (self.folder / "server").glob("*.db") if file.name != "history.db"]
        if not files:
            return []
        with closing(sqlite3.connect(f"file:{files[0]}?mode=ro", uri=True, timeout=10)) as database:
            try:
                return database.execute(sql).fetchall()
            except sqlite3.OperationalError as e:
                if "no such table" in str(e):
                    return []  # a server that is still at its first start
                raise

    def ready(self) -> bool:
        """Whether the server says it is ready."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/readyz", timeout=2) as answer:
                return answer.status == 200
        except (URLError, OSError):
            return False

    def settled(self) -> bool:
        """Whether all that was accepted is recorded."""
        return {*self.accepted()} <= {*self.recorded()}

    def quiet(self) -> None:
        """Silence the devices, and wait until what is still on the wire is accepted."""
        for device in self.devices:
            device.stop()
        known = -1
        while known != (known := len(self.accepted())):
            time.sleep(1.0)

    def verdict(self) -> Verdict:
        """Compare what was accepted with what is recorded; what was accepted only now gets its time first."""
        deadline = time.monotonic() + LATE_S
        while not self.settled() and time.monotonic() < deadline:
            time.sleep(0.5)
        accepted, recorded = self.accepted(), self.recorded()
        return Verdict(
            accepted=len({*accepted}),
            lost=sorted({*accepted} - {*recorded}),
            doubled=len(recorded) - len({*recorded}),
            holes=_holes(recorded),
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a fault test stands or falls by."""

    accepted: int
    lost: list[tuple[str, int, str]]
    doubled: int
    holes: list[tuple[str, int]]

    def clean(self) -> bool:
        """Nothing lost, nothing doubled, no hole in any agent's numbers."""
        return not self.lost and not self.doubled and not self.holes


def _holes(recorded: Iterable[tuple[str, int, str]]) -> list[tuple[str, int]]:
    seqs: dict[str, set[int]] = {}
    for epoch, seq, _ in recorded:
        seqs.setdefault(epoch, set()).add(seq)
    return [(epoch, seq) for epoch, known in seqs.items() for seq in range(1, max(known) + 1) if seq not in known]


def wait_for(what: str, true: Callable[[], bool], limit_s: float) -> float:
    """Wait until something is true; return the seconds that took, or fail with its name."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < limit_s, f"not within {limit_s} s: {what}"
        time.sleep(0.1)
    return time.monotonic() - began


def agent_config(folder: Path, name: str, port: Path, broker: tuple[str, int], *, plain: bool = False) -> Path:
    """Write the configuration of one agent with `POINTS` levels on one serial line."""
    file = folder / f"agent-{name}.toml"
    points = "".join(
        f'[[bus.point]]\nid = "{name}-p{i:02d}"\nname = "点 {i}"\nkind = "level"\n'
        f'key = "p{i:02d}"\nrule = {{ high = 50 }}\n'
        for i in range(POINTS)
    )
    file.write_text(
        f'site = "{SITE}"\nagent = "{name}"\nname = "终端 {name}"\n'
        f'[mqtt]\nhost = "{broker[0]}"\nport = {broker[1]}\nplain = {str(plain).lower()}\n'
        f'[outbox]\ndirectory = "{folder / name}"\naccepted_log = "{folder / f"accepted-{name}.jsonl"}"\n'
        f'[[bus]]\ntype = "serial-text"\nname = "串口 {name}"\nport = "{port}"\n{points}',
        encoding="utf-8",
    )
    return file


def server_config(folder: Path, http_port: int, broker: tuple[str, int], *, plain: bool = False) -> Path:
    """Write the configuration of the server, on an outside broker."""
    file = folder / "server.toml"
    file.write_text(
        f'data = "{folder / "server"}"\n[http]\nport = {http_port}\n[broker]\ntype = "external"\n'
        f'[mqtt]\nhost = "{broker[0]}"\nport = {broker[1]}\nplain = {str(plain).lower()}\n',
        encoding="utf-8",
    )
    return file


@contextmanager
def chain(
    folder: Path,
    broker: Broker,
    *,
    agents: int = 1,
    rate: float = 25.0,
    seed: int = 1,
    agent_to: int | None = None,
    around: Mapping[str, Callable[[list[str]], list[str]]] = MappingProxyType({}),
    database: str = "",
    together: int = 1,
) -> Generator[Chain]:
    """Run a whole chain.

    `agent_to` is another port for the agents' connection, such as a chaos line's. `around` says by a program's name
    what its command is run under. `database` is the address of a PostgreSQL; SQLite without one. `together` agents
    share a process.
    """
    http_port = free_port()
    server_file = server_config(folder, http_port, (broker.host, broker.port))
    if database:
        server_file.write_text(f'database = "{database}"\n' + server_file.read_text(), encoding="utf-8")
    as_it_is: Callable[[list[str]], list[str]] = list[str]
    command = around.get("server", as_it_is)([str(BIN / "campus-server"), "run", "--config", str(server_file)])
    server = Program("server", command, folder)
    (folder / "server").mkdir(exist_ok=True)
    names = [f"a{number}" for number in range(agents)]
    programs: list[Program] = []
    devices: list[Device] = []
    files: list[str] = []
    with _cables(folder, names) as cables:
        for number, name in enumerate(names):
            (folder / name).mkdir(exist_ok=True)
            file = agent_config(folder, name, cables[name].ours, (broker.host, agent_to or broker.port))
            with file.open("a", encoding="utf-8") as more:
                more.write(f'[local]\nlost = {{ type = "file", file = "{folder / f"lamp-{name}"}" }}\n')
            files.append(str(file))
            devices.append(Device(cables[name].theirs, rate, seed * 100 + number))
        for first in range(0, agents, together):
            fleet = [sys.executable, str(Path(__file__).with_name("fleet.py")), *files[first : first + together]]
            command = [str(BIN / "campus-agent"), "run", "--config", files[first]] if together == 1 else fleet
            programs.append(Program(names[first], around.get(names[first], as_it_is)(command), folder))
        whole = Chain(folder, broker, programs, server, devices, http_port, database, [*cables.values()])
        try:
            server.start()
            for program in (*programs, *devices):
                program.start()
            wait_for("the server is ready", whole.ready, 180)
            yield whole
        finally:
            whole.quiet()
            for program in (*programs, server):
                program.kill()


@contextmanager
def _cables(folder: Path, names: list[str]) -> Generator[dict[str, Cable]]:
    if not names:
        yield {}
        return
    with pty_pair(folder, names[0]) as cable, _cables(folder, names[1:]) as rest:
        yield {names[0]: cable, **rest}
