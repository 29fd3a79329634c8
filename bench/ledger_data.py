"""A made-up ledger of any size: most entries long closed, a few open, fewer major, each with its story."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import insert, text

from server.database import Database
from server.ledger import search
from server.ledger.entry import Entry, State, columns
from server.ledger.tables import SEARCH, hazards, journal
from server.safekeeping.dump import driver

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = NOW.date()
SCHOOLS, FEW = 1_000, 40
_OPEN = (State.FOUND, State.REGISTERED, State.JUDGED, State.ASSIGNED, State.RECTIFYING, State.SUBMITTED, State.ACCEPTED)
_PLACES = ("教学楼", "宿舍", "食堂", "实验楼", "操场", "校门", "车棚", "图书馆")
_THINGS = (
    "灭火器压力不足",
    "应急灯不亮",
    "消防通道堆放杂物",
    "插座松动",
    "护栏松动",
    "井盖破损",
    "烟感离线",
    "电线老化",
)
_JOURNAL = ["site", "n", "at", "by", "hazard", "action", "source", "target", "body", "previous", "hash"]


def entries(count: int, schools: int) -> Iterator[dict[str, Any]]:
    """Give the rows of `hazards`, by id."""
    dice = random.Random(7)
    for n in range(1, count + 1):
        found = NOW - timedelta(minutes=dice.randrange(1_500_000))
        state = dice.choice(_OPEN) if dice.random() < 0.05 else dice.choice((State.CLOSED, State.ARCHIVED))
        open_ = state in _OPEN
        site = f"s{n % schools}"
        entry = Entry(
            number=f"{site.upper()}-2026-{n:07d}", site=site, year=2026, register=2026,
            source=dice.choice(("sensor", "daily-check", "inspection")), cause=f"{site}/{n}", found_at=found,
            found_by="传感器", description=f"第 {n} 处{dice.choice(_THINGS)}", last_at=found, state=state,
            place=f"{dice.choice(_PLACES)} {n % 300}", grade="major" if dice.random() < 0.03 else "general",
            category=dice.choice(("fire", "electricity", "water", "food")), responsible=f"网格员{n % 4000}",
            due_at=found + timedelta(days=dice.randrange(1, 30)) if open_ else None,
            closed_at=None if open_ else found + timedelta(days=9), id=n,
        )  # fmt: skip
        yield {"id": n, **columns(entry)}


def fill_sqlite(database: Database, count: int, schools: int = FEW) -> None:
    """Fill with entries, their index of texts, and one row of the journal each."""
    rows = list(entries(count, schools))
    with database.write.begin() as connection:
        connection.execute(insert(hazards), rows)
        search.put(connection, [(row["id"], row) for row in rows])
        connection.execute(insert(journal), [_told(row["id"], row["site"]) for row in rows])
        connection.execute(text("analyze"))


def fill_postgresql(database: Database, count: int, told: int) -> None:
    """Fill by COPY: `count` entries with their index of texts, and `told` rows of the journal."""
    with database.write.begin() as connection:
        connection.execute(text("DROP INDEX ix_hazard_search_grams"))
        raw = driver(connection)
        rows = entries(count, SCHOOLS)
        names = ["id", *(c.name for c in hazards.columns if c.name != "id")]
        with tempfile.TemporaryFile("w+", encoding="utf-8") as spool:
            with raw.cursor() as first, first.copy(_into(hazards.name, names)) as copy:
                for row in rows:
                    copy.write_row([row[name] for name in names])
                    found = search.grams(*(str(row[name]) for name in search.TEXTS))
                    spool.write(f"{row['id']}\t{' '.join(sorted(found))}\n")
            spool.seek(0)
            with raw.cursor() as second, second.copy(_into(SEARCH, ["hazard", "grams"])) as copy:
                while part := spool.read(1_000_000):
                    copy.write(part)
        connection.execute(text("CREATE INDEX ix_hazard_search_grams ON hazard_search USING gin (grams)"))
        connection.execute(text("SELECT setval('hazards_id_seq', :last)"), {"last": count})
        _tell(raw, count, told)
    with database.write.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _tell(raw: psycopg.Connection[Any], count: int, told: int) -> None:
    """The journal in one statement on the server: hashes of the right length, not a chain that holds."""
    body = json.dumps({"set": {"state": "registered", "version": 2, "registered_at": NOW.isoformat()}})
    raw.execute(
        "INSERT INTO hazard_journal (site, n, at, by, hazard, action, source, target, body, previous, hash)"
        " SELECT 's' || (i %% %(schools)s), i / %(schools)s + 1, %(now)s, '安全乙', i %% %(count)s + 1, 'register',"
        " 'found', 'registered', %(body)s, repeat('0', 64), md5(i::text) || md5((i + 1)::text)"
        " FROM generate_series(0, %(told)s - 1) AS i",
        {"schools": SCHOOLS, "now": NOW, "count": count, "body": body, "told": told},
    )
    raw.execute("INSERT INTO hazard_chains SELECT site, max(n), repeat('0', 64) FROM hazard_journal GROUP BY site")


def _told(hazard: int, site: str) -> dict[str, Any]:
    values = (site, hazard, NOW, "安全乙", hazard, "register", "found", "registered", "{}", "0" * 64, f"{hazard:064d}")
    return dict(zip(_JOURNAL, values, strict=True))


def _into(table: str, names: list[str]) -> sql.Composed:
    columns = sql.SQL(", ").join([sql.Identifier(name) for name in names])
    return sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), columns)
