"""Durable entries of the ledger, one by one and many a commit, beside the bare database; what the hash chain costs."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

from sqlalchemy import Connection, insert

from bench.ledger_data import NOW
from bench.row import Row
from server.accounts.permissions import Role
from server.batch import batching
from server.database import Database, connect
from server.ledger import journal
from server.ledger.actions import Finding, report
from server.ledger.entry import Entry, columns
from server.ledger.guards import Actor
from server.ledger.judgement import load_judgement
from server.ledger.sensors import Ledger
from server.ledger.tables import hazards
from server.ledger.verify import verify
from server.migrate import migrate

CITY = Actor("市局", Role.CITY)


def migrated(address: str) -> Database:
    """Open a database and bring it to this version."""
    database = connect(address)
    migrate(database)
    return database


def writes(on: str, address: Callable[[int], str]) -> list[Row]:
    """Write for three seconds in each way, into a new database each time; `address` makes the n-th."""
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
        database = migrated(address(n))
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
