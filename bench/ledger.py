"""The hazard ledger: lists of 100,000 entries (SQLite) and a million (PostgreSQL), durable entries, the chain."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, event, text

from bench import ledger_pages
from bench.ledger_data import FEW, NOW, SCHOOLS, fill_postgresql, fill_sqlite
from bench.ledger_writes import migrated, writes
from bench.postgres import cluster
from bench.row import Row
from server.accounts.reach import Reach
from server.database import Database, sqlite_address
from server.ledger import packs
from server.ledger.judgement import load_judgement
from server.ledger.query import Sort, Wanted, counts, page, precision, story

OUT = Path(__file__).parent / "out" / "ledger.json"
SHARE = float(os.environ.get("LEDGER_SHARE", "1"))  # a smaller one to try the bench itself
SQLITE_ENTRIES, ENTRIES, TOLD = (int(n * SHARE) for n in (100_000, 1_000_000, 10_000_000))
TRIES = 100
SCHOOL = Reach.of("s7")


def main() -> None:
    """Fill both databases, ask them, write to them; print one table."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        database = migrated(sqlite_address(Path(folder) / "ledger.db"))
        fill_sqlite(database, SQLITE_ENTRIES)
        on = f"SQLite, {SQLITE_ENTRIES:,}"
        rows += _queries(database, on, SQLITE_ENTRIES)
        seen = ledger_pages.add_people(database, FEW)
        database.close()
        rows += ledger_pages.timed(sqlite_address(Path(folder) / "ledger.db"), on, seen)
        rows += writes("SQLite", lambda n: sqlite_address(Path(folder) / f"w{n}.db"))
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

    database = migrated(address)
    made.append(database)
    rows = writes("PostgreSQL", another)
    begun = time.perf_counter()
    fill_postgresql(database, ENTRIES, TOLD)
    filled = f"{(time.perf_counter() - begun) / 60:.1f} min"
    rows.append(Row(f"PostgreSQL filled: {ENTRIES:,} entries, {TOLD:,} journal rows", filled, "", {}))
    on = f"PostgreSQL, {ENTRIES:,}"
    rows += _queries(database, on, ENTRIES)
    seen = ledger_pages.add_people(database, SCHOOLS)
    database.close()
    return rows + ledger_pages.timed(address, on, seen)


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
    slowest: tuple[float, str, Callable[[Connection], object]] = (0.0, "", lambda _: None)
    with database.read.connect() as connection:
        deep = _deep(connection)
        asked.append(("list: page 500", lambda c: page(c, Wanted(), "-found_at", deep)))
        for name, work in asked:
            p50, p99 = _timed(lambda w=work: w(connection))
            found.append(_row(f"{on}: {name}", p50, p99))
            slowest = max(slowest, (p99, name, work), key=lambda one: one[0])
        plan = _plan(connection, slowest[2])
    return [*found, Row(f"{on}: plan of the slowest query ({slowest[1]})", plan, "", {})]


def _page(wanted: Wanted, sort: Sort) -> Callable[[Connection], object]:
    return lambda c: page(c, wanted, sort)


def _deep(connection: Connection) -> str:
    after = ""
    for _ in range(100):
        after = page(connection, Wanted(), "-found_at", after, 250).next or ""
    return after


def _plan(connection: Connection, work: Callable[[Connection], object]) -> str:
    """Return how the database finds the answer to every query of a piece of work."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_rest: object) -> None:
        asked.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    work(connection)
    event.remove(connection, "before_cursor_execute", note)
    explain = "explain (analyze, buffers)" if connection.dialect.name == "postgresql" else "explain query plan"
    plans = [connection.exec_driver_sql(f"{explain} {statement}", parameters).all() for statement, parameters in asked]
    return "\n".join(str(row[-1]) for rows in plans for row in rows)


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
