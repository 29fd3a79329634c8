"""Ingest workers and page servers as real processes on one PostgreSQL and one broker, and agents that load them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from serving import ROOT, WireAgent
from waiting import until

from contracts.messages import Point
from contracts.topics import Kind

KILL, TERM = signal.SIGKILL, signal.SIGTERM
WINDOW = 200  # events on the way, as of the real agent
SILENT_S = 15.0  # without an answer the real agent dials anew


class Workers:
    """`campus-server ingest` processes by number."""

    def __init__(
        self,
        folder: Path,
        database: str,
        mqtt_ports: Sequence[int],
        named: Collection[str] = (),
        history: str = '[history]\ntype = "none"\n',
    ) -> None:
        self._history = history
        self._named = sorted(named)
        self._folder = folder
        self.database = database
        self._ports = list(mqtt_ports)
        self.processes: dict[int, subprocess.Popen[bytes]] = {}

    def config(self, port: int, http_port: int = 8000) -> Path:
        """Write the one file all of them share."""
        file = self._folder / f"server-{port}-{http_port}.toml"
        file.write_text(
            f'data = "{self._folder / "data"}"\ndatabase = "{self.database}"\nsites = {json.dumps(self._named)}\n'
            f"[http]\nport = {http_port}\n"
            f'[broker]\ntype = "external"\n[mqtt]\nport = {port}\n'
            f"{self._history}",
            encoding="utf-8",
        )
        return file

    def start(self, number: int) -> None:
        """Start a worker; with several brokers, each worker is at one of them."""
        config = self.config(self._ports[number % len(self._ports)])
        command = [sys.executable, "-m", "server", "ingest", "--config", str(config), "--worker", str(number)]
        with (self._folder / f"ingest-{number}.log").open("ab") as log:
            self.processes[number] = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

    def end(self, number: int, how: int = KILL) -> None:
        """End a worker and wait until it is gone."""
        process = self.processes.pop(number)
        process.send_signal(how)
        process.wait(30)

    def end_all(self) -> None:
        for number in list(self.processes):
            self.end(number)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the database."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            return connection.execute(statement.encode()).fetchall()

    def holders(self) -> Mapping[str, str]:
        """Who answers for which site now; nobody while the tables are being made."""
        if self.query("SELECT to_regclass('ingest_leases')")[0][0] is None:
            return {}
        rows = self.query("SELECT site, holder FROM ingest_leases WHERE until > now() AND holder <> ''")
        return {site: holder for site, holder in rows if not site.startswith("_")}

    def share(self, sites: Collection[str], numbers: Collection[int], within_s: float = 120.0) -> float:
        """Wait until exactly these workers answer for all of these sites; return how long that took."""
        began = time.monotonic()
        names = {f"ingest-{number}" for number in numbers}

        def shared() -> bool:
            held = self.holders()
            return set(held) == set(sites) and set(held.values()) == names

        until(
            shared,
            within_s=within_s,
            what=f"{names} share {len(sites)} sites: {self.holders()}; logs in {self._folder}",
        )
        return time.monotonic() - began


class Load(threading.Thread):
    """Agents that switch a point on and off in turn, and send again what has no receipt, as the real ones do."""

    def __init__(self, ports: Sequence[int], sites: Collection[str], rate: float) -> None:
        super().__init__(name="load", daemon=True)
        self.agents = [WireAgent("127.0.0.1", ports[n % len(ports)], site) for n, site in enumerate(sorted(sites))]
        self.made = self.came_on = 0
        self.longest_s = 0.0  # from an event to its receipt
        self._rate = rate
        self._answered: dict[str, tuple[int, float]] = {}  # how many receipts, and when the last had come
        self._ended = threading.Event()

    def run(self) -> None:
        for agent in self.agents:
            agent.birth(Point(id="smoke-1", name="烟感", kind="smoke", place="楼"))
        began, beaten_s, again_s = time.monotonic(), 0.0, time.monotonic()
        beats = 0
        while not self._ended.wait(0.005):
            now_s = time.monotonic()
            while self.made < (now_s - began) * self._rate:
                agent = self.agents[self.made % len(self.agents)]
                active = agent.seq % 2 == 0
                self.made, self.came_on = self.made + 1, self.came_on + active
                agent.event(active=active)
            if now_s - beaten_s > 5.0:
                beaten_s, beats = now_s, beats + 1
                for agent in self.agents:
                    agent.heartbeat(beats)
            if now_s - again_s > 3.0:
                again_s = now_s
                self.send_again(now_s - 3.0)
            oldest = [next(iter(agent.unacked.values()), None) for agent in self.agents]
            self.longest_s = max(self.longest_s, *(now_s - one.stamp.mono_s for one in oldest if one), 0.0)

    def waiting(self) -> int:
        """How many events have no receipt."""
        return sum(len(agent.unacked) for agent in self.agents)

    def send_again(self, before_s: float = float("inf")) -> None:
        """Send the oldest of what was made before a moment and has no receipt; dial anew where nobody answers."""
        for agent in self.agents:
            for event in list(agent.unacked.values())[:WINDOW]:
                if event.stamp.mono_s < before_s:
                    agent.publish(Kind.EVENTS, event.model_dump_json())
            answered = len(agent.receipts)
            if answered != self._answered.get(agent.site, (-1, 0.0))[0] or not agent.unacked:
                self._answered[agent.site] = answered, time.monotonic()
            elif time.monotonic() - self._answered[agent.site][1] > SILENT_S:
                self._answered[agent.site] = answered, time.monotonic()
                agent.redial()

    def flows(self) -> bool:
        """Whether all but the newest events have their receipts."""
        return self.made > 0 and self.waiting() < self._rate

    def settle(self, within_s: float = 120.0) -> None:
        """Make no more, and wait until all has its receipt."""
        self.end()
        deadline = time.monotonic() + within_s
        while self.waiting():
            assert time.monotonic() < deadline, f"{self.waiting()} events have no receipt"
            self.send_again()
            time.sleep(1.0)

    def end(self) -> None:
        self._ended.set()
        self.join(10)

    def close(self) -> None:
        self.end()
        for agent in self.agents:
            agent.close()

    def verdict(self, workers: Workers) -> tuple[int, int, int]:
        """Compare what was made with the ledger: lost, doubled, and occurrences too many or too few in the alerts."""
        made = {(agent.epoch, seq) for agent in self.agents for seq in range(1, agent.seq + 1)}
        rows = workers.query("SELECT epoch, seq FROM durables")
        occurrences = int(workers.query("SELECT coalesce(sum(count), 0) FROM alerts WHERE kind = 'smoke'")[0][0])
        return len(made - set(rows)), len(rows) - len(set(rows)), occurrences - self.came_on


@contextmanager
def loaded(
    workers: Workers, ports: Sequence[int], sites: Collection[str], rate: float, numbers: Collection[int]
) -> Generator[Load]:
    """Start workers and agents, wait until events flow, and end all of it afterwards."""
    load = Load(ports, sites, rate)
    try:
        for number in numbers:
            workers.start(number)
        load.start()
        workers.share(sites, numbers)
        until(load.flows, within_s=120.0, what="receipts come")
        load.longest_s = 0.0
        yield load
    finally:
        load.close()
        workers.end_all()
