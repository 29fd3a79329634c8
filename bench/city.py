"""A city on one machine: simulated agents, a broker, PostgreSQL, ingest workers, a page server and open walls.

`CITY_STEPS="250,500,1000" CITY_SECONDS=30 CITY_WORKERS=2 CITY_BROKER=mosquitto|nats|nats3|rabbit3 python -m bench city`
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
from rich.console import Console
from rich.table import Table

from bench.brokers import Running, kind_of
from bench.nats import free_port
from bench.postgres import cluster
from server.accounts.reach import Reach, put
from server.accounts.tables import users
from server.accounts.users import hash_password
from server.database import connect
from server.migrate import migrate

OUT = Path(__file__).parent / "out"
STEPS = [int(word) for word in os.environ.get("CITY_STEPS", "250,500,1000").split(",")]
SECONDS = float(os.environ.get("CITY_SECONDS", "30"))
WORKERS = int(os.environ.get("CITY_WORKERS", "2"))
BROKER = os.environ.get("CITY_BROKER", "mosquitto")
SITES, WALLS, EVENTS_A_SECOND, PROCESSES = 50, 50, 5.0, 2
PASSWORD = "a-password-of-the-bench"
P99_GOAL_S = 0.5


class City:
    """All processes but the agents."""

    def __init__(self, folder: Path, database: str, broker: Running, watched: Mapping[str, list[int]]) -> None:
        self.folder, self.database, self.broker = folder, database, broker
        self.watched = dict(watched)  # process ids by name
        self.http_port = free_port()
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        for number in range(1, WORKERS + 1):
            self._start(f"ingest {number}", ["ingest", "--worker", str(number)], number)
        self._start("web", ["web", "--port", str(self.http_port)], 0)
        deadline = time.monotonic() + 180
        while True:
            try:
                if httpx.get(f"{self.base}/readyz", timeout=2).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            if time.monotonic() > deadline:
                raise RuntimeError(f"the page server is not ready: see {self.folder}")
            time.sleep(0.2)

    def _start(self, name: str, words: list[str], number: int) -> None:
        config = self.folder / f"{number}.toml"
        config.write_text(
            f'data = "{self.folder / "data"}"\ndatabase = "{self.database}"\n[broker]\ntype = "external"\n'
            f"[mqtt]\nport = {self.broker.port}\n"
            '[history]\ntype = "none"\n'
        )
        with (self.folder / f"{name}.log").open("wb") as log:
            command = [sys.executable, "-m", "server", words[0], "--config", str(config), *words[1:]]
            process = subprocess.Popen(command, stdout=log, stderr=log)
        self.processes.append(process)
        self.watched[name] = [process.pid]

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def close(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(20)

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds used so far, by name; PostgreSQL's children come and go and are counted while they live."""
        spent: dict[str, float] = {}
        for name, pids in self.watched.items():
            for pid in pids:
                try:
                    whole = psutil.Process(pid)
                    for one in (whole, *whole.children(recursive=True)):
                        times = one.cpu_times()
                        spent[name] = spent.get(name, 0.0) + times.user + times.system
                except psutil.NoSuchProcess:
                    continue
        return spent

    def count(self) -> int:
        with psycopg.connect(self.database) as connection:
            row = connection.execute("SELECT count(*) FROM durables").fetchone()
        return int(row[0]) if row else 0


class Walls:
    """Open pages, each of one school; notes how long after its event an alert comes."""

    def __init__(self, base: str, cookies: Sequence[str]) -> None:
        self._port, self._cookies = int(base.rpartition(":")[2]), cookies
        self.delays_s: list[float] = []
        self._tasks: list[asyncio.Task[None]] = []

    def open(self) -> None:
        self._tasks = [asyncio.create_task(self._watch(cookie)) for cookie in self._cookies]

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _watch(self, cookie: str) -> None:
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=2**22)
                head = f"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n"
                writer.write(head.encode())
                await self._read(reader)
            except OSError:
                pass
            await asyncio.sleep(0.5)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        is_alert = False
        while line := await reader.readline():
            if line.startswith(b"event: "):
                is_alert = line.startswith(b"event: alert")
            elif is_alert and line.startswith(b"data: "):
                data = json.loads(line[6:])
                if data["change"] in ("raised", "repeated", "cleared", "normal") and data["reason"] == "fixed-limit":
                    stamp = data["cleared_at"] or data["normal_at"] or data["began_at"]
                    if data["change"] == "raised":  # of the others the row does not say when the event was made
                        delay = datetime.now(UTC) - datetime.fromisoformat(stamp)
                        self.delays_s.append(delay.total_seconds())
                is_alert = False


@contextmanager
def agents(port_of: Sequence[int], count: int) -> Generator[list[subprocess.Popen[str]]]:
    """Simulated agents in a few processes; each process writes `ready` when all its agents are heard."""
    share, started = count // PROCESSES, list[subprocess.Popen[str]]()
    for n in range(PROCESSES):
        command = [sys.executable, "-m", "bench.city_agents", ",".join(map(str, port_of)), str(n * share),
                   str(share), str(SITES), str(EVENTS_A_SECOND / PROCESSES)]  # fmt: skip
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait(10)


async def step(city: City, count: int, base: Sequence[str], *, cut: Any = None) -> dict[str, Any]:
    """Run one size for a while; then cut all lines at once."""
    had = city.count()
    with agents(city.broker.ports, count) as processes:
        began_s = time.monotonic()
        await asyncio.gather(*(asyncio.to_thread(_line, process, "ready") for process in processes))
        ready_s = time.monotonic() - began_s
        walls = Walls(city.base, base)
        walls.open()
        await asyncio.sleep(2)
        before, before_s = city.cpu_s(), time.monotonic()
        if cut is not None:
            await _pass(SECONDS / 3, walls, city, had)
            cut()
        await _pass(SECONDS if cut is None else SECONDS * 2 / 3, walls, city, had)
        after, took_s = city.cpu_s(), time.monotonic() - before_s
        cores = {name: round((after[name] - before.get(name, 0.0)) / took_s, 3) for name in after}
        seen = sorted(walls.delays_s)
        mine = {f"agents {n}": p for n, p in enumerate(processes)}
        for process in mine.values():
            assert process.stdin is not None
            process.stdin.write("storm\n")
            process.stdin.flush()
        await asyncio.gather(*(asyncio.to_thread(_line, process, "calm") for process in processes))
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("stop\n")
            process.stdin.flush()
        found = await asyncio.gather(*(asyncio.to_thread(_result, process) for process in processes))
        walls.close()
    receipts = sorted(delay for one in found for delay in one["calm_s"])
    return {
        "agents": count, "broker": BROKER, "workers": WORKERS, "seconds": took_s, "all_heard_after_s": ready_s,
        "events": sum(one["events"] for one in found), "kept": city.count() - had,
        "without_receipt": sum(one["unacked"] for one in found),
        "readings_per_s": count * 10, "receipt_p50_s": _part(receipts, 0.5), "receipt_p99_s": _part(receipts, 0.99),
        "receipt_longest_s": _part(receipts, 1.0), "wall_longest_s": _part(seen, 1.0),
        "wall_seen": len(seen), "wall_p50_s": _part(seen, 0.5), "wall_p99_s": _part(seen, 0.99),
        "storm_s": max(storm for one in found for storm in one["storms_s"]), "cores": cores,
    }  # fmt: skip


async def _pass(seconds: float, walls: Walls, city: City, had: int) -> None:
    """Let time pass; say every minute how it stands, so that a run that is cut short has figures too."""
    end_s = time.monotonic() + seconds
    while (left_s := end_s - time.monotonic()) > 0:
        await asyncio.sleep(min(60.0, left_s))
        seen = sorted(walls.delays_s)
        kept = await asyncio.to_thread(city.count) - had
        p50, p99 = 1e3 * _part(seen, 0.5), 1e3 * _part(seen, 0.99)
        print(f"{kept} events kept; {len(seen)} seen on a wall, p50 {p50:.0f} ms, p99 {p99:.0f} ms", flush=True)


def _part(values: Sequence[float], share: float) -> float:
    return values[int((len(values) - 1) * share)] if values else float("nan")


def _line(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == word:
            return
    raise RuntimeError(f"the agents ended before they were {word}")


def _result(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{"):
            return json.loads(line)
    raise RuntimeError("the agents gave no result")


def _users(database: str) -> None:
    """One user a school, all with one password: hashing is slow on purpose."""
    opened, hashed = connect(database), hash_password(PASSWORD)
    migrate(opened)
    with opened.write.begin() as connection:
        rows = [
            {"name": f"gate-{n}", "role": "gatekeeper", "password": hashed, "created_at": datetime.now(UTC)}
            for n in range(WALLS)
        ]  # fmt: skip
        for n, row in enumerate(rows):
            key = connection.execute(users.insert().values(row)).inserted_primary_key
            put(connection, key[0] if key else 0, Reach.of(f"site-{n % SITES}"))
    opened.close()


def _cookies(base: str) -> list[str]:
    found: list[str] = []
    for n in range(WALLS):
        with httpx.Client(base_url=base, timeout=20) as client:
            answer = client.post("/api/v1/session", json={"name": f"gate-{n}", "password": PASSWORD})
            answer.raise_for_status()
            found.append("; ".join(f"{name}={value}" for name, value in client.cookies.items()))
    return found


def main() -> None:
    """Ramp until something gives; print the table."""
    OUT.mkdir(exist_ok=True)
    rows: list[dict[str, Any]] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=OUT)))
        database = stack.enter_context(cluster())
        _users(database)
        broker = stack.enter_context(kind_of(BROKER, folder))
        postmaster = [p.pid for p in psutil.process_iter(["cmdline"]) if _serves(p, database)]
        city = City(folder, database, broker, {"broker": broker.pids(), "PostgreSQL": postmaster})
        stack.callback(city.close)
        city.start()
        cookies = _cookies(city.base)
        for count in STEPS:
            losing = count == STEPS[-1] and len(broker.ports) > 1
            row = asyncio.run(step(city, count, cookies, cut=broker.kill_one if losing else None))
            rows.append(row)
            (OUT / f"city-{BROKER}.json").write_text(json.dumps(rows, indent=1))
            if row["kept"] != row["events"] or row["without_receipt"] or not row["wall_p99_s"] < P99_GOAL_S:
                break
    _print(rows)


def _serves(process: psutil.Process, database: str) -> bool:
    port = database.rpartition(":")[2].partition("/")[0]
    line: list[str] = process.info["cmdline"] or []  # pyright: ignore[reportAttributeAccessIssue]
    return "-p" in line and port in line


def _print(rows: Sequence[Mapping[str, Any]]) -> None:
    table = Table(title=f"a city: {SITES} schools, {WALLS} walls, {EVENTS_A_SECOND:g} events/s, broker {BROKER}")
    names = [name for name in rows[0] if name not in ("broker", "cores")]
    table.add_column("agents")
    for row in rows:
        table.add_column(str(row["agents"]))
    for name in names[1:]:
        table.add_row(name, *(f"{row[name]:.3g}" for row in rows))
    for name in rows[0]["cores"]:
        table.add_row(f"cores: {name}", *(f"{row['cores'].get(name, 0.0):.2f}" for row in rows))
    Console().print(table)


if __name__ == "__main__":
    main()
