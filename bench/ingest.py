"""Durable events a second through the whole writer, beside the bare database's group commit on the same disk."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.row import Row
from contracts.messages import Birth, Event, Point, Stamp
from contracts.vocabulary import Clock, Severity
from server.alerts.alert import AlertHook, no_ledger
from server.database import Database, connect, sqlite_address
from server.ingest.decode import Arrival
from server.ingest.intake import Answer, Intake
from server.ledger.judgement import load_judgement
from server.ledger.sensors import Ledger
from server.metrics import make_metrics
from server.migrate import migrate
from server.presence.presence import Presence
from server.writer import Writer

OUT = Path(__file__).parent / "out"
EVENTS, POINTS, AGENTS, BATCH = 6_000, 100, 5, 500
KINDS = ("fire-door", "leak", "door", "smoke", "gas", "fault")


class Counted:
    """Stands where the broker stands: notes when each agent was told that its events are kept."""

    def __init__(self) -> None:
        self.receipted = 0
        self.delays_s: list[float] = []

    def answer(self, answer: Answer) -> bool:
        self.receipted += len(answer.receipt.seqs)
        return True

    def acknowledge(self, arrival: Arrival) -> None:
        self.delays_s.append(time.monotonic() - arrival.mono_s)

    def forgo(self, arrival: Arrival) -> None:
        raise RuntimeError(f"{arrival.topic}: was not written")


def births() -> list[Arrival]:
    """Make each agent say what it watches."""
    points = tuple(
        Point(id=f"p{n}", name=f"{n} 号点", kind="contact", place="实验楼", grid="三号网格") for n in range(POINTS)
    )
    return [
        _arrival(f"campus/1/no1/agent{a}/birth", Birth(name="楼", stamp=_stamp(a), session=1, points=points))
        for a in range(AGENTS)
    ]


def events(count: int) -> list[Arrival]:
    """Make points of several agents come on and go off in turn."""
    epochs = [str(uuid.uuid4()) for _ in range(AGENTS)]
    made: list[Arrival] = []
    for i in range(count):
        agent, point = i % AGENTS, i // AGENTS % POINTS
        event = Event(
            id=str(uuid.uuid4()), epoch=epochs[agent], seq=i // AGENTS + 1, stamp=_stamp(agent), point=f"p{point}",
            kind=KINDS[point % len(KINDS)], active=i // AGENTS // POINTS % 2 == 0, severity=Severity.WARNING,
            reason="fixed-limit", value=1.5, unit="m",
        )  # fmt: skip
        made.append(_arrival(f"campus/1/no1/agent{agent}/events", event))
    return made


def drain(database: Database, hook: AlertHook, arrivals: Sequence[Arrival]) -> tuple[float, float]:
    """Give all arrivals to a writer as fast as it takes them; return events a second, and milliseconds of CPU each."""
    outlet = Counted()
    writer = Writer(database, Intake(Presence(hook), hook), make_metrics())
    writer.start(outlet)
    for arrival in births():
        writer.offer(arrival)
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    for arrival in arrivals:
        while not writer.offer(arrival):
            time.sleep(0.002)  # this agent has too much waiting
    while outlet.receipted < len(arrivals):
        if time.monotonic() - began_s > 120.0:
            raise RuntimeError(f"only {outlet.receipted} of {len(arrivals)} events were receipted")
        time.sleep(0.005)
    took_s, cpu_s = time.monotonic() - began_s, time.process_time() - began_cpu_s
    writer.close()
    return len(arrivals) / took_s, cpu_s / len(arrivals) * 1e3


def paced(database: Database, hook: AlertHook, arrivals: Sequence[Arrival], rate: float) -> tuple[float, float]:
    """Offer events at a fixed rate; return p50 and p99 from arrival to receipt, in milliseconds."""
    outlet = Counted()
    writer = Writer(database, Intake(Presence(hook), hook), make_metrics())
    writer.start(outlet)
    began_s = time.monotonic()
    for i, arrival in enumerate(arrivals):
        due_s = began_s + i / rate
        if (ahead_s := due_s - time.monotonic()) > 0.002:
            time.sleep(ahead_s)
        writer.offer(Arrival(arrival.topic, arrival.payload, arrival.received_at, due_s))
    writer.close()
    delays = sorted(outlet.delays_s)
    return 1e3 * delays[len(delays) // 2], 1e3 * delays[len(delays) * 99 // 100]


def bare(folder: Path, arrivals: Sequence[Arrival]) -> float:
    """Insert the same payloads into one table, 500 a commit, WAL and FULL: the most this disk and SQLite give."""
    with closing(sqlite3.connect(folder / "bare.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE bare (n INTEGER PRIMARY KEY, topic TEXT, payload BLOB)")
        began_s = time.monotonic()
        for first in range(0, len(arrivals), BATCH):
            rows = [(arrival.topic, arrival.payload) for arrival in arrivals[first : first + BATCH]]
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO bare (topic, payload) VALUES (?, ?)", rows)
            connection.execute("COMMIT")
        return len(arrivals) / (time.monotonic() - began_s)


def chain_us() -> float:
    """Microseconds to hash one journal row of the usual size onto the row before it."""
    body = {"site": "no1", "n": 1, "body": "x" * 350, "previous": "0" * 64, "action": "alert-repeated"}
    began_s = time.perf_counter()
    for _ in range(20_000):
        body["previous"] = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return (time.perf_counter() - began_s) / 20_000 * 1e6


def main() -> None:
    """Print the table; keep the figures."""
    OUT.mkdir(exist_ok=True)
    ledger = Ledger(load_judgement(), lambda: datetime.now(UTC))
    with tempfile.TemporaryDirectory(dir=OUT) as folder:
        arrivals = events(EVENTS)
        most = bare(Path(folder), arrivals)
        rates: dict[str, tuple[float, float]] = {}
        for name, hook in (("alerts", no_ledger), ("alerts and ledger", ledger.record_alert)):
            database = connect(sqlite_address(Path(folder) / f"{name.replace(' ', '-')}.db"))
            migrate(database)
            rates[name] = drain(database, hook, arrivals)
            database.close()
        database = connect(sqlite_address(Path(folder) / "paced.db"))
        migrate(database)
        rate = rates["alerts and ledger"][0] / 2
        p50, p99 = paced(database, ledger.record_alert, events(3_000), rate)
        database.close()
    whole, cpu_ms = rates["alerts and ledger"]
    alone, alone_ms = rates["alerts"]
    share = chain_us() * whole / 1e6
    rows = [
        Row("bare SQLite, 500 a commit, FULL", f"{most:,.0f}/s", "", {"per_s": most}),
        Row("writer without ledger", f"{alone:,.0f}/s, {alone_ms:.2f} ms CPU each", "",
            {"per_s": alone, "cpu_ms": alone_ms}),
        Row("writer with ledger", f"{whole:,.0f}/s, {cpu_ms:.2f} ms CPU each, {whole / most:.3f} of bare",
            "5,000/s, 0.5 of bare", {"per_s": whole, "cpu_ms": cpu_ms, "ratio": whole / most}),
        Row(f"arrival to receipt at {rate:,.0f}/s", f"p50 {p50:.0f} ms, p99 {p99:.0f} ms", "p99 < 100 ms",
            {"rate": rate, "p50_ms": p50, "p99_ms": p99}),
        Row("hash chain's share of the time", f"{share:.1%}", "", {"share": share}),
    ]  # fmt: skip
    table = Table("what", "measured", "goal", title="ingest: durable events")
    for row in rows:
        table.add_row(row.name, row.measured, row.goal)
    Console().print(table)
    (OUT / "ingest.json").write_text(json.dumps({row.name: dict(row.figures) for row in rows}, indent=1))


def _stamp(agent: int) -> Stamp:
    return Stamp(at=datetime.now(UTC), boot_id=f"boot-{agent}", mono_s=time.monotonic(), clock=Clock.SYNCED)


def _arrival(topic: str, message: Birth | Event) -> Arrival:
    return Arrival(topic, message.model_dump_json().encode(), datetime.now(UTC), time.monotonic())


if __name__ == "__main__":
    main()
