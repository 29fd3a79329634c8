"""The hazard ledger: lists of 100,000 entries (SQLite) and a million (PostgreSQL), durable entries, the chain."""

from __future__ import annotations

import itertools
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, insert, text

from bench.ledger_data import NOW, fill_postgresql, fill_sqlite
from bench.postgres import cluster
from bench.row import Row
from server.accounts.permissions import Role
from server.accounts.reach import Reach
from server.batch import batching
from server.database import Database, connect, sqlite_address
from server.ledger import journal, packs
from server.ledger.actions import Finding, report
from server.ledger.entry import Entry, columns
from server.ledger.guards import Actor
from server.ledger.judgement import load_judgement
from server.ledger.query import Sort, Wanted, counts, narrowed_by, page, precision, statement, story
from server.ledger.sensors import Ledger
from server.ledger.tables import hazards
from server.ledger.verify import verify
from server.migrate import migrate

OUT = Path(__file__).parent / "out" / "ledger.json"
SQLITE_ENTRIES, ENTRIES, TOLD, TRIES = 100_000, 1_000_000, 10_000_000, 100
CITY = Actor("市局", Role.CITY)
SCHOOL = Reach.of("s7")


def main() -> None:
    """Fill both databases, ask them, write to them; print one table."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        database = _migrated(sqlite_address(Path(folder) / "ledger.db"))
        fill_sqlite(database, SQLITE_ENTRIES)
        rows += _queries(database, f"SQLite, {SQLITE_ENTRIES:,}", SQLITE_ENTRIES)
        database.close()
        rows += _writes("SQLite", lambda n: sqlite_address(Path(folder) / f"w{n}.db"))
    with cluster("-c shared_buffers=1GB -c max_wal_size=8GB -c maintenance_work_mem=512MB") as address:
        rows += _on_postgresql(address)
    table = Table("measured", "result", "goal")
    for row in rows:
        table.add_row(row.name, row.measured, row.goal)
    Console().print(table)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps([asdict(row) for row in rows], ensure_ascii=False, indent=1), encoding="utf-8")


def _on_postgresql(address: str) -> list[Row]:
    made: list[Database] = []

    def another(n: int) -> str:
        with made[0].write.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text(f"CREATE DATABASE w{n}"))
        return address.replace("/postgres", f"/w{n}")

    database = _migrated(address)
    made.append(database)
    rows = _writes("PostgreSQL", another)
    begun = time.perf_counter()
    fill_postgresql(database, ENTRIES, TOLD)
    filled = f"{(time.perf_counter() - begun) / 60:.1f} min"
    rows.append(Row(f"PostgreSQL filled: {ENTRIES:,} entries, {TOLD:,} journal rows", filled, "", {}))
    rows += _queries(database, f"PostgreSQL, {ENTRIES:,}", ENTRIES)
    database.close()
    return rows


def _migrated(address: str) -> Database:
    database = connect(address)
    migrate(database)
    return database


def _queries(database: Database, on: str, entries: int) -> list[Row]:
    rare, site = f"第 {entries - 7} 处", f"s{(entries - 7) % 40}"
    lists: list[tuple[str, Wanted, Sort]] = [
        ("all schools, newest first", Wanted(), "-found_at"),
        ("one school", Wanted(reach=SCHOOL), "-found_at"),
        ("one school, one state", Wanted(reach=SCHOOL, states=("rectifying",)), "-found_at"),
        ("one state everywhere", Wanted(states=("accepted",)), "-found_at"),
        ("one category and source everywhere", Wanted(categories=("food",), sources=("inspection",)), "-found_at"),
        ("overdue everywhere", Wanted(overdue_at=NOW), "due_at"),
        ("mine", Wanted(responsible="网格员77", open=True), "-found_at"),
        ("major, open, everywhere", Wanted(grades=("major",), open=True), "-found_at"),
        ("a rare text everywhere", Wanted(text=rare), "-found_at"),
        ("a rare text at one school", Wanted(reach=Reach.of(site), text=rare), "-found_at"),
        ("a frequent text everywhere (食堂)", Wanted(text="食堂"), "-found_at"),
        ("two frequent pieces, oldest first", Wanted(text="灭火器", categories=("water",)), "found_at"),
        ("a text nobody wrote", Wanted(text="核反应堆"), "-found_at"),
    ]
    judgement, day = load_judgement(), NOW.date()
    asked: list[tuple[str, Callable[[Connection], object]]] = [
        *((f"list: {name}", _page(wanted, sort)) for name, wanted, sort in lists),
        ("counts by state, everywhere", lambda c: counts(c, Wanted())),
        ("counts by state, a rare text", lambda c: counts(c, Wanted(text=rare))),
        ("counts by state, one school", lambda c: counts(c, Wanted(reach=SCHOOL))),
        ("the story of one entry", lambda c: story(c, 77)),
        ("周研判 of one school", lambda c: packs.week(c, judgement, Wanted(reach=SCHOOL), day, NOW)),
        ("月调度 of all schools", lambda c: packs.month(c, judgement, Wanted(), day, NOW)),
        ("precision of one school's sensors", lambda c: precision(c, SCHOOL)),
    ]
    found: list[Row] = []
    slowest = (0.0, "", Wanted(), "-found_at")
    with database.read.connect() as connection:
        deep = _deep(connection)
        asked.append(("list: page 500", lambda c: page(c, Wanted(), "-found_at", deep)))
        plans = {f"list: {name}": (wanted, sort) for name, wanted, sort in lists}
        for name, work in asked:
            p50, p99 = _timed(lambda w=work: w(connection))
            found.append(_row(f"{on}: {name}", p50, p99))
            if name in plans and p99 > slowest[0]:
                slowest = (p99, name, *plans[name])
        plan = _plan(connection, slowest[2], slowest[3])  # pyright: ignore[reportArgumentType]
    return [*found, Row(f"{on}: plan of the slowest list ({slowest[1]})", plan, "", {})]


def _page(wanted: Wanted, sort: Sort) -> Callable[[Connection], object]:
    return lambda c: page(c, wanted, sort)


def _deep(connection: Connection) -> str:
    after = ""
    for _ in range(100):
        after = page(connection, Wanted(), "-found_at", after, 250).next or ""
    return after


def _plan(connection: Connection, wanted: Wanted, sort: Sort) -> str:
    narrowed = narrowed_by(connection, wanted)
    query = statement(wanted, sort, "", narrowed).limit(51).compile(connection, compile_kwargs={"literal_binds": False})
    if connection.dialect.name == "postgresql":
        rows = connection.exec_driver_sql(f"explain (analyze, buffers) {query}", dict(query.params)).all()
        return "\n".join(str(row[0]) for row in rows)
    bound = tuple(query.params[name] for name in (query.positiontup or []))
    rows = connection.exec_driver_sql(f"explain query plan {query}", _plain(bound)).all()
    return "; ".join(str(row[-1]) for row in rows)


def _plain(values: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(v.isoformat(" ") if isinstance(v, datetime) else v for v in values)


def _writes(on: str, address: Callable[[int], str]) -> list[Row]:
    ledger = Ledger(load_judgement(), lambda: NOW)

    def entry(connection: Connection) -> None:
        report(connection, ledger, Finding("yx-1", "report", "灭火器过期", category="fire"), CITY)

    numbers = itertools.count()

    def bare(connection: Connection) -> None:
        n = next(numbers)
        row = Entry(f"B-{n}", "b", 2026, 2026, "report", f"b/{n}", NOW, "甲", "灭火器过期", NOW)
        connection.execute(insert(hazards).values(columns(row)))

    def together(connection: Connection, batch: int) -> None:
        causes = [str(next(numbers)) for _ in range(batch)]
        with batching(connection, [("yx-1", "b", cause, "x") for cause in causes]):
            for cause in causes:
                found = Finding("yx-1", "report", "灭火器过期", category="fire", cause=f"b/{cause}/x")
                report(connection, ledger, found, CITY)

    rows: list[Row] = []
    rates: dict[str, float] = {}
    for n, (name, work, batch) in enumerate((
        ("bare insert, one a commit", _one_by_one(bare), 1), ("ledger entry, one a commit", _one_by_one(entry), 1),
        ("bare insert, 200 a commit", _one_by_one(bare), 200), ("ledger entry, 200 a commit", _one_by_one(entry), 200),
        ("ledger entry, 200 a commit written together", together, 200),
    )):  # fmt: skip
        database = _migrated(address(n))
        rates[name] = _rate(database, work, batch)
        if work is together:
            with database.read.connect() as connection:
                begun = time.perf_counter()
                proof = verify(connection)
                rates["verify"] = proof.rows / (time.perf_counter() - begun)
        database.close()
        rows.append(Row(f"{on}: {name}", f"{rates[name]:,.0f} /s", "", {"per_s": rates[name]}))
    for batch, how in (("one", ""), ("200", ""), ("200", " written together")):
        ratio = rates[f"bare insert, {batch} a commit"] / rates[f"ledger entry, {batch} a commit{how}"]
        what = f"{on}: entry with number, journal, chain, index, feed / bare insert, {batch} a commit{how}"
        rows.append(Row(what, f"{ratio:.1f} x", "", {"ratio": ratio}))
    hashing = _hash_s()
    share = hashing * rates["ledger entry, 200 a commit written together"]
    rows.append(
        Row(f"{on}: of it the hash chain alone", f"{hashing * 1e6:.0f} us, ratio {1 + share:.3f}", "", {"share": share})
    )
    rows.append(Row(f"{on}: verify", f"{rates['verify']:,.0f} rows/s", "", {"per_s": rates["verify"]}))
    return rows


def _one_by_one(work: Callable[[Connection], None]) -> Callable[[Connection, int], None]:
    def repeated(connection: Connection, batch: int) -> None:
        for _ in range(batch):
            work(connection)

    return repeated


def _rate(database: Database, work: Callable[[Connection, int], None], batch: int) -> float:
    n, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < 3:
        with database.write.begin() as connection:
            work(connection, batch)
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
