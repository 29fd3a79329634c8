"""The hazard ledger: list queries on 100,000 entries, durable entries a second, and what the hash chain costs."""

from __future__ import annotations

import itertools
import json
import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, insert, text

from bench.row import Row
from server.accounts.permissions import Role
from server.database import Database, connect, sqlite_address
from server.ledger import journal
from server.ledger.actions import Finding, report
from server.ledger.entry import Entry, State, columns
from server.ledger.guards import Actor
from server.ledger.judgement import load_judgement
from server.ledger.query import Sort, Wanted, counts, page, statement, story
from server.ledger.sensors import Ledger
from server.ledger.tables import hazards
from server.ledger.verify import verify
from server.migrate import migrate

OUT = Path(__file__).parent / "out" / "ledger.json"
ENTRIES, TRIES = 100_000, 60
NOW = datetime(2026, 5, 7, 6, 0, tzinfo=UTC)
CITY = Actor("市局", Role.CITY)


def main() -> None:
    """Fill a database, ask it, write to it; print one table."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        database = connect(sqlite_address(Path(folder) / "ledger.db"))
        migrate(database)
        _fill(database)
        rows += _queries(database)
        database.close()
        rows += _writes(Path(folder))
    table = Table("measured", "result", "goal")
    for row in rows:
        table.add_row(row.name, row.measured, row.goal)
    Console().print(table)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps([asdict(row) for row in rows], ensure_ascii=False, indent=1), encoding="utf-8")


def _fill(database: Database) -> None:
    dice = random.Random(7)
    states = list(State)
    rows: list[dict[str, object]] = []
    for n in range(ENTRIES):
        found = NOW - timedelta(minutes=dice.randrange(500_000))
        entry = Entry(
            number=f"S{n % 40}-2026-{n:06d}", site=f"s{n % 40}", year=2026, register=2026, source="sensor",
            cause=f"s{n % 40}/{n}", found_at=found, found_by="传感器", description=f"第 {n} 处灭火器压力不足",
            last_at=found, state=dice.choice(states), place=f"教学楼 {n % 300}",
            grade=dice.choice(["general", "major"]),
            category=dice.choice(["fire", "water", "food"]), due_at=found + timedelta(days=dice.randrange(1, 30)),
        )  # fmt: skip
        rows.append(columns(entry))
    with database.write.begin() as connection:
        connection.execute(insert(hazards), rows)
        for hazard in range(1, 2001):
            journal.append(connection, f"s{hazard % 40}", NOW, "甲", hazard, "edit", ("found", "found"), {})
        connection.execute(text("analyze"))


def _queries(database: Database) -> list[Row]:
    lists: list[tuple[str, Wanted, Sort]] = [
        ("all schools, newest first", Wanted(), "-found_at"),
        ("one school", Wanted(sites=("s7",)), "-found_at"),
        ("one school, one state", Wanted(sites=("s7",), states=("rectifying",)), "-found_at"),
        ("overdue everywhere", Wanted(overdue_at=NOW), "due_at"),
        ("major, open, everywhere", Wanted(grades=("major",), open=True), "-found_at"),
        ("a rare text everywhere", Wanted(text="第 99999 处"), "-found_at"),
        ("a rare text at one school", Wanted(sites=("s19",), text="第 99999 处"), "-found_at"),
    ]
    found: list[Row] = []
    slowest = (0.0, "")
    with database.read.connect() as connection:
        deep = _deep(connection)
        for name, wanted, sort in lists:
            p50, p99 = _timed(lambda w=wanted, s=sort: page(connection, w, s))
            found.append(_row(f"list: {name}", p50, p99))
            slowest = max(slowest, (p99, _plan(connection, wanted, sort)))
        found.append(_row("list: page 500", *_timed(lambda: page(connection, Wanted(), "-found_at", deep))))
        found.append(_row("counts by state, everywhere", *_timed(lambda: counts(connection, Wanted()))))
        found.append(_row("counts by state, one school", *_timed(lambda: counts(connection, Wanted(sites=("s7",))))))
        found.append(_row("the story of one entry", *_timed(lambda: story(connection, 77))))
    return [*found, Row("plan of the slowest list", slowest[1], "", {})]


def _deep(connection: Connection) -> str:
    after = ""
    for _ in range(100):
        after = page(connection, Wanted(), "-found_at", after, 250).next or ""
    return after


def _plan(connection: Connection, wanted: Wanted, sort: Sort) -> str:
    query = statement(wanted, sort).limit(51).compile(connection, compile_kwargs={"literal_binds": False})
    bound = tuple(query.params[name] for name in (query.positiontup or []))
    rows = connection.exec_driver_sql(f"explain query plan {query}", _plain(bound)).all()
    return "; ".join(str(row[-1]) for row in rows)


def _plain(values: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(v.isoformat(" ") if isinstance(v, datetime) else v for v in values)


def _writes(folder: Path) -> list[Row]:
    ledger = Ledger(load_judgement(), lambda: NOW)

    def entry(connection: Connection) -> None:
        report(connection, ledger, Finding("yx-1", "report", "灭火器过期", category="fire"), CITY)

    numbers = itertools.count()

    def bare(connection: Connection) -> None:
        n = next(numbers)
        row = Entry(f"B-{n}", "b", 2026, 2026, "report", f"b/{n}", NOW, "甲", "灭火器过期", NOW)
        connection.execute(insert(hazards).values(columns(row)))

    rows: list[Row] = []
    rates: dict[str, float] = {}
    for name, work, batch in (
        ("bare insert, one a commit", bare, 1), ("ledger entry, one a commit", entry, 1),
        ("bare insert, 200 a commit", bare, 200), ("ledger entry, 200 a commit", entry, 200),
    ):  # fmt: skip
        database = connect(sqlite_address(folder / f"{len(rows)}.db"))
        migrate(database)
        rates[name] = _rate(database, work, batch)
        if work is entry:
            with database.read.connect() as connection:
                begun = time.perf_counter()
                proof = verify(connection)
                rates[f"verify, rows a second ({batch})"] = proof.rows / (time.perf_counter() - begun)
        database.close()
        rows.append(Row(name, f"{rates[name]:,.0f} /s", "", {"per_s": rates[name]}))
    ratio = rates["bare insert, 200 a commit"] / rates["ledger entry, 200 a commit"]
    rows.append(Row("entry with number, journal and chain / bare insert", f"{ratio:.1f} x", "", {"ratio": ratio}))
    hashing = _hash_s()
    share = hashing * rates["ledger entry, 200 a commit"]
    rows.append(Row("of it hashing alone", f"{hashing * 1e6:.0f} us, {share:.1%} of an entry", "", {"share": share}))
    checked = rates["verify, rows a second (200)"]
    rows.append(Row("verify", f"{checked:,.0f} rows/s", "", {"per_s": checked}))
    return rows


def _rate(database: Database, work: Callable[[Connection], None], batch: int) -> float:
    n, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < 3:
        with database.write.begin() as connection:
            for _ in range(batch):
                work(connection)
        n += batch
    return n / (time.perf_counter() - begun)


def _hash_s() -> float:
    body = journal.canonical({"set": columns(Entry("B-1", "b", 2026, 2026, "report", "b/1", NOW, "甲", "过期", NOW))})
    row = journal.Row("b", 1, NOW, "甲", 1, "open", "", "found", body, journal.GENESIS)
    begun = time.perf_counter()
    for _ in range(5000):
        journal.digest(row)
    return (time.perf_counter() - begun) / 5000


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    took: list[float] = []
    for _ in range(TRIES):
        begun = time.perf_counter()
        work()
        took.append((time.perf_counter() - begun) * 1000)
    took.sort()
    return took[TRIES // 2], took[int(TRIES * 0.99)]


def _row(name: str, p50: float, p99: float) -> Row:
    return Row(name, f"p50 {p50:.1f} ms, p99 {p99:.1f} ms", "p99 < 100 ms", {"p50_ms": p50, "p99_ms": p99})
