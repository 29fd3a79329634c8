"""A whole chain of real processes, from a serial device to the ledger, and the verdict over what was lost."""

from __future__ import annotations

import json
import sqlite3
import sys
import time
import urllib.request
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.error import URLError

import psycopg
from brokers import Broker
from chain_files import agent_config, server_config
from levels import Device
from ports import free_port
from program import BIN, Program
from pty_pair import Cable, pty_pair
from verdict import Row, Verdict, compared

Around = Mapping[str, Callable[[list[str]], list[str]]]
"""By a program's name what its command is run under."""
LATE_S = 30.0  # for what a slow machine accepts only after all seemed settled


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

    def accepted(self) -> list[Row]:
        """(epoch, seq, id) of all that the agents have accepted, by their own append-only logs."""
        lines: list[Row] = []
        for log in sorted(self.folder.glob("accepted-*.jsonl")):
            text = log.read_text(encoding="utf-8")
            for line in text[: text.rfind("\n") + 1].splitlines():  # the agent may be writing the last one just now
                entry = json.loads(line)
                lines.append((str(entry["epoch"]), int(entry["seq"]), str(entry["id"])))
        return lines

    def recorded(self) -> list[Row]:
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
        return compared(self.accepted(), self.recorded())


def wait_for(what: str, true: Callable[[], bool], limit_s: float) -> float:
    """Wait until something is true; return the seconds that took, or fail with its name."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < limit_s, f"not within {limit_s} s: {what}"
        time.sleep(0.1)
    return time.monotonic() - began


@contextmanager
def chain(
    folder: Path,
    broker: Broker,
    *,
    agents: int = 1,
    rate: float = 25.0,
    seed: int = 1,
    agent_to: int | None = None,
    around: Around = MappingProxyType({}),
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
    command = [str(BIN / "campus-server"), "run", "--config", str(server_file)]
    server = Program("server", around.get("server", list[str])(command), folder)
    (folder / "server").mkdir(exist_ok=True)
    names = [f"a{number}" for number in range(agents)]
    with _cables(folder, names) as cables:
        to = broker.host, agent_to or broker.port
        files = {name: _agent_file(folder, name, cables[name], to) for name in names}
        devices = [Device(cables[name].theirs, rate, seed * 100 + number) for number, name in enumerate(names)]
        programs = [*_programs(folder, files, together, around)]
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


def _agent_file(folder: Path, name: str, cable: Cable, broker: tuple[str, int]) -> Path:
    """Write the file of one agent, which has a lamp for a server that does not answer."""
    (folder / name).mkdir(exist_ok=True)
    file = agent_config(folder, name, cable.ours, broker)
    with file.open("a", encoding="utf-8") as more:
        more.write(f'[local]\nlost = {{ type = "file", file = "{folder / f"lamp-{name}"}" }}\n')
    return file


def _programs(folder: Path, files: Mapping[str, Path], together: int, around: Around) -> Generator[Program]:
    """Of agents so many in one process: the real command for one alone."""
    names = [*files]
    for first in range(0, len(names), together):
        mine = [str(files[name]) for name in names[first : first + together]]
        fleet = [sys.executable, str(Path(__file__).with_name("fleet.py")), *mine]
        command = [str(BIN / "campus-agent"), "run", "--config", mine[0]] if together == 1 else fleet
        yield Program(names[first], around.get(names[first], list[str])(command), folder)


@contextmanager
def _cables(folder: Path, names: list[str]) -> Generator[dict[str, Cable]]:
    if not names:
        yield {}
        return
    with pty_pair(folder, names[0]) as cable, _cables(folder, names[1:]) as rest:
        yield {names[0]: cable, **rest}
