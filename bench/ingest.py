"""Durable events a second through the whole writer, beside the bare database's group commit on the same disk."""

from __future__ import annotations

import gc
import hashlib
import itertools
import json
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from bench.postgres import cluster
from bench.row import Row
from contracts.messages import Birth, Event, Point, Stamp
from contracts.vocabulary import Clock, Severity
from server.alerts.alert import AlertHook, no_ledger
from server.changes import changes
from server.database import Database, connect, sqlite_address
from server.ingest.decode import Arrival
from server.ingest.intake import Answer, Intake
from server.ingest.tables import durables
from server.ledger.judgement import load_judgement
from server.ledger.sensors import Ledger
from server.ledger.tables import journal
from server.metrics import make_metrics
from server.migrate import migrate
from server.presence.presence import Presence
from server.writer import Writer

OUT = Path(__file__).parent / "out"
EVENTS, POINTS, AGENTS, BATCH = 10_000, 100, 20, 500
RATES = (500, 2_000, 5_000)  # events a second
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


def births(agents: int = AGENTS) -> list[Arrival]:
    """Make each agent say what it watches."""
    points = tuple(
        Point(id=f"p{n}", name=f"{n} 号点", kind="contact", place="实验楼", grid="三号网格") for n in range(POINTS)
    )
    return [
        _arrival(f"campus/1/no1/agent{a}/birth", Birth(name="楼", stamp=_stamp(a), session=1, points=points))
        for a in range(agents)
    ]


def events(count: int, agents: int = AGENTS, points: int = POINTS) -> list[Arrival]:
    """Make points of several agents come on and go off in turn."""
    epochs = [str(uuid.uuid4()) for _ in range(agents)]
    made: list[Arrival] = []
    for i in range(count):
        agent, point = i % agents, i // agents % points
        event = Event(
            id=str(uuid.uuid4()), epoch=epochs[agent], seq=i // agents + 1, stamp=_stamp(agent), point=f"p{point}",
            kind=KINDS[point % len(KINDS)], active=i // agents // points % 2 == 0, severity=Severity.WARNING,
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


def bare(database: Database, arrivals: Sequence[Arrival]) -> float:
    """Insert the same payloads into one table, 500 a commit: the most this disk and database give."""
    with database.write.begin() as connection:
        connection.execute(text("CREATE TABLE bare (n INTEGER, topic TEXT, payload TEXT)"))
    rows = [{"n": n, "t": one.topic, "p": one.payload.decode()} for n, one in enumerate(arrivals)]
    mark = "%s" if database.write.dialect.name == "postgresql" else "?"
    return _grouped(database, f"INSERT INTO bare VALUES ({mark}, {mark}, {mark})", [tuple(r.values()) for r in rows])


def bare_story(database: Database, emptied: Database) -> float:
    """Insert the rows that a run left in the tables that only grow, as they are, events of 500 a commit."""
    tables = (durables, changes, journal)
    with database.read.connect() as connection:
        rows = {t: [tuple(r) for r in connection.exec_driver_sql(f"SELECT * FROM {t.name}").all()] for t in tables}
    count, dialect = len(rows[durables]), emptied.write.dialect.name
    began_s = time.monotonic()
    for first in range(0, count, BATCH):
        with emptied.write.begin() as connection:
            for t in tables:
                share = rows[t][len(rows[t]) * first // count : len(rows[t]) * (first + BATCH) // count]
                marks = ", ".join(("%s" if dialect == "postgresql" else "?") for _ in t.columns)
                connection.exec_driver_sql(f"INSERT INTO {t.name} VALUES ({marks})", [_plain(r) for r in share])
    return count / (time.monotonic() - began_s)


def _plain(row: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(json.dumps(v) if isinstance(v, dict) else v for v in row)


def _grouped(database: Database, statement: str, rows: Sequence[tuple[object, ...]]) -> float:
    began_s = time.monotonic()
    for first in range(0, len(rows), BATCH):
        with database.write.begin() as connection:
            connection.exec_driver_sql(statement, list(rows[first : first + BATCH]))
    return len(rows) / (time.monotonic() - began_s)


def chain_us() -> float:
    """Microseconds to hash one journal row of the usual size onto the row before it."""
    body = {"site": "no1", "n": 1, "body": "x" * 350, "previous": "0" * 64, "action": "alert-repeated"}
    began_s = time.perf_counter()
    for _ in range(20_000):
        body["previous"] = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return (time.perf_counter() - began_s) / 20_000 * 1e6


def measure(name: str, fresh: Callable[[], Database]) -> list[Row]:
    """Measure one kind of database; `fresh` makes an empty, migrated one."""
    ledger = Ledger(load_judgement(), lambda: datetime.now(UTC))
    arrivals = events(EVENTS)
    one_row = bare(fresh(), arrivals)
    alone, alone_ms = drain(fresh(), no_ledger, arrivals)
    filled = fresh()
    whole, cpu_ms = drain(filled, ledger.record_alert, arrivals)
    story = bare_story(filled, fresh())
    rows = [
        Row(f"{name}: bare, one row an event", f"{one_row:,.0f}/s", "", {"per_s": one_row}),
        Row(f"{name}: bare, the same rows of story", f"{story:,.0f}/s", "", {"per_s": story}),
        Row(f"{name}: writer without ledger", f"{alone:,.0f}/s, {alone_ms:.2f} ms CPU each", "",
            {"per_s": alone, "cpu_ms": alone_ms}),
        Row(f"{name}: writer with ledger",
            f"{whole:,.0f}/s, {cpu_ms:.2f} ms CPU each; {whole / story:.2f} of the rows, {whole / one_row:.3f} of one",
            "5,000/s, 0.5 of bare",
            {"per_s": whole, "cpu_ms": cpu_ms, "of_story": whole / story, "of_one_row": whole / one_row}),
    ]  # fmt: skip
    for rate in RATES:
        p50, p99 = paced(fresh(), ledger.record_alert, events(int(rate * 3)), rate)
        rows.append(
            Row(f"{name}: arrival to receipt at {rate:,}/s", f"p50 {p50:.1f} ms, p99 {p99:.1f} ms", "p99 < 100 ms",
                {"rate": rate, "p50_ms": p50, "p99_ms": p99})
        )  # fmt: skip
    return rows


def main() -> None:
    """Print the table; keep the figures."""
    OUT.mkdir(exist_ok=True)
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)  # as the server does
    opened: list[Database] = []

    def migrated(address: str) -> Database:
        database = connect(address)
        migrate(database)
        opened.append(database)
        return database

    numbers = itertools.count()
    with tempfile.TemporaryDirectory(dir=OUT) as folder:
        rows = measure("SQLite FULL", lambda: migrated(sqlite_address(Path(folder) / f"{next(numbers)}.db")))
    with cluster() as address:

        def another() -> Database:
            name = f"bench{next(numbers)}"
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}".encode())
            return migrated(address.removesuffix("postgres") + name)

        rows += measure("PostgreSQL", another)
        for database in opened:
            database.close()
    rows.append(Row("one link of the hash chain", f"{chain_us():.1f} us", "", {"us": chain_us()}))
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
