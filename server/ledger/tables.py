"""The ledger's tables: entries, their journal and chain, alerts that joined, what waits, what was told to whom."""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    event,
    text,
)

from server.database import Counter, Instant, metadata
from server.ledger.entry import FIELDS

SHORT, NAME, LONG = 40, 200, 4000

SEARCH = "hazard_search"
"""The index of texts: made by its revision and known to `search` alone, for each database has its own kind."""

hazards = Table(
    "hazards",
    metadata,
    # identity
    Column("id", Counter, primary_key=True, autoincrement=True),
    Column("number", String(80), nullable=False, unique=True),
    Column("site", String(SHORT), nullable=False),
    Column("year", Integer, nullable=False),
    Column("register", Integer, nullable=False),  # the yearly register it stands in; January moves open rows on
    Column("source", String(SHORT), nullable=False),
    Column("agent", String(SHORT), nullable=False, default=""),
    Column("point", String(SHORT), nullable=False, default=""),
    Column("cause", String(200), nullable=False),
    Column("simulated", Boolean, nullable=False, default=False),
    # finding
    Column("found_at", Instant, nullable=False),
    Column("found_by", String(80), nullable=False),
    Column("place", String(NAME), nullable=False, default=""),
    Column("grid", String(NAME), nullable=False, default=""),
    Column("description", Text, nullable=False),
    Column("category", String(SHORT), nullable=False, default=""),
    Column("basis", String(NAME), nullable=False, default=""),
    # judgement
    Column("grade", String(SHORT), nullable=False, default=""),
    Column("layer", String(SHORT), nullable=False, default=""),
    Column("term", String(SHORT), nullable=False, default=""),
    Column("clause", String(SHORT), nullable=False, default=""),
    Column("judged_by", String(80), nullable=False, default=""),
    Column("judged_at", Instant),
    Column("interim", Text, nullable=False, default=""),  # 临时防护措施
    # rectification
    Column("responsible_unit", String(NAME), nullable=False, default=""),
    Column("responsible", String(80), nullable=False, default=""),
    Column("measures", Text, nullable=False, default=""),
    Column("deadline", Instant),
    Column("funds", String(NAME), nullable=False, default=""),
    Column("plan", Text, nullable=False, default=""),
    Column("registered_at", Instant),
    Column("assigned_at", Instant),
    # closing
    Column("rectified_at", Instant),
    Column("rectified_by", String(80), nullable=False, default=""),
    Column("result", Text, nullable=False, default=""),  # 整改情况
    Column("verified_by", String(80), nullable=False, default=""),
    Column("verified_at", Instant),
    Column("conclusion", Text, nullable=False, default=""),
    Column("closed_by", String(80), nullable=False, default=""),
    Column("closed_at", Instant),
    # control
    Column("state", String(SHORT), nullable=False),
    Column("open", Boolean, nullable=False),
    Column("version", Integer, nullable=False, default=1),
    Column("due_at", Instant),  # of the next step: registering, judging, or the deadline
    Column("extensions", Integer, nullable=False, default=0),
    Column("supervision", String(SHORT), nullable=False, default=""),  # 督办级别
    Column("recurrence", Integer, nullable=False, default=0),
    Column("recurs_of", BigInteger),
    Column("merged_into", BigInteger),
    Column("false_cause", String(SHORT), nullable=False, default=""),
    Column("reason", Text, nullable=False, default=""),  # of the last return, extension, merge, false alarm
    Column("climb", Text, nullable=False, default=""),  # the roster as it stood when the entry fell overdue, JSON
    Column("count", Integer, nullable=False, default=1),
    Column("last_at", Instant, nullable=False),
    Index(
        "uq_hazards_open_cause",
        "cause",
        unique=True,
        sqlite_where=text("open"),
        postgresql_where=text("open"),
    ),
    Index("ix_hazards_cause_id", "cause", "id"),
    Index("ix_hazards_site_found", "site", "found_at", "id"),
    Index("ix_hazards_found", "found_at", "id", "category", "state"),  # with what a month is summed up by
    Index("ix_hazards_site_state_found", "site", "state", "found_at", "id"),
    Index("ix_hazards_site_due", "site", "due_at", "id"),
    Index("ix_hazards_due", "due_at", "id", sqlite_where=text("open"), postgresql_where=text("open")),
    Index("ix_hazards_site_register", "site", "register", "found_at", "id"),
    Index("ix_hazards_responsible", "responsible", "found_at", "id"),
    Index("ix_hazards_state_found", "state", "found_at", "id"),
    Index("ix_hazards_open_found", "found_at", "id", sqlite_where=text("open"), postgresql_where=text("open")),
    Index(
        "ix_hazards_settled_point",  # what a sensor found, once it is settled: its precision
        "site",
        "agent",
        "point",
        "state",
        sqlite_where=text("NOT open AND point <> ''"),
        postgresql_where=text("NOT open AND point <> ''"),
    ),
    Index("ix_hazards_category_found", "category", "found_at", "id"),
    Index("ix_hazards_source_found", "source", "found_at", "id"),
    Index(
        "ix_hazards_open_grade_found",
        "grade",
        "found_at",
        "id",
        sqlite_where=text("open"),
        postgresql_where=text("open"),
    ),
    sqlite_autoincrement=True,
)

numbers = Table(
    "hazard_numbers",  # the last NNNN given, per school and year
    metadata,
    Column("site", String(SHORT), nullable=False),
    Column("year", Integer, nullable=False),
    Column("last", Integer, nullable=False),
    PrimaryKeyConstraint("site", "year"),
)

journal = Table(
    "hazard_journal",  # append-only by triggers, chained by hashes
    metadata,
    Column("site", String(SHORT), nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", String(80), nullable=False),
    Column("hazard", BigInteger, nullable=False),
    Column("action", String(SHORT), nullable=False),
    Column("source", String(SHORT), nullable=False),  # the state before; empty for a first row
    Column("target", String(SHORT), nullable=False),
    Column("body", Text, nullable=False),  # canonical JSON, exactly as it was hashed
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    PrimaryKeyConstraint("site", "n"),
    Index("ix_hazard_journal_hazard", "hazard", "n"),
)

chains = Table(
    "hazard_chains",  # the tip of each site's chain; its row is the lock of the chain
    metadata,
    Column("site", String(SHORT), primary_key=True),
    Column("n", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)

heads = Table(
    "hazard_heads",  # append-only by triggers: the tip of each chain at the end of a day, signed
    metadata,
    Column("site", String(SHORT), nullable=False),
    Column("day", String(10), nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("key", String(64), nullable=False),
    Column("signature", String(128), nullable=False),
    PrimaryKeyConstraint("site", "day"),
)

joined = Table(
    "hazard_alerts",  # which alert belongs to which entry
    metadata,
    Column("alert", String(36), primary_key=True),
    Column("hazard", BigInteger, ForeignKey("hazards.id"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("evidence_at", Instant),  # since when the readings around it stand in the journal
    Index("ix_hazard_alerts_at", "at"),
)

waiting = Table(
    "hazard_waiting",  # alerts that become an entry if they last
    metadata,
    Column("alert", String(36), primary_key=True),
    Column("due_at", Instant, nullable=False, index=True),
)

notices = Table(
    "hazard_notices",  # reminders and climbs, each once
    metadata,
    Column("hazard", BigInteger, ForeignKey("hazards.id"), nullable=False),
    Column("kind", String(80), nullable=False),
    Column("at", Instant, nullable=False),
    Column("role", String(SHORT), nullable=False),
    Column("users", Text, nullable=False, default=""),
    Column("text", Text, nullable=False),
    PrimaryKeyConstraint("hazard", "kind"),
    Index("ix_hazard_notices_at", "at"),
)

reviews = Table(
    "hazard_reviews",  # the 周研判 of a school: its minutes, and who concluded it
    metadata,
    Column("site", String(SHORT), nullable=False),
    Column("week", String(8), nullable=False),  # 2026-W19
    Column("version", Integer, nullable=False),
    Column("host", Text, nullable=False),
    Column("present", Text, nullable=False),
    Column("minutes", Text, nullable=False),
    Column("by", String(80), nullable=False),
    Column("at", Instant, nullable=False),
    Column("concluded_by", String(80), nullable=False, default=""),
    Column("concluded_at", Instant),
    PrimaryKeyConstraint("site", "week"),
)

IS_OPEN: ColumnElement[bool] = text("hazards.open")  # pyright: ignore[reportAssignmentType]
"""As the partial indexes say it: `open = 1`, which SQLAlchemy would write, is not seen by SQLite as the same."""

BY_SENSOR: ColumnElement[bool] = text("NOT hazards.open AND hazards.point <> ''")  # pyright: ignore[reportAssignmentType]
"""Settled, and found by a sensor: as the partial index says it, for the same reason."""

ENTRY = tuple(hazards.c[name] for name in FIELDS)
"""The columns of an entry in the order of `from_tuple`, which is quicker than `from_row`."""

MAKE_SEARCH = {
    "sqlite": (
        (
            f"CREATE VIRTUAL TABLE {SEARCH} USING"
            " fts5(grams, detail=none, columnsize=0, tokenize='unicode61 remove_diacritics 0')"
        ),
    ),
    "postgresql": (
        f"CREATE TABLE {SEARCH} (hazard BIGINT PRIMARY KEY, grams TSVECTOR NOT NULL)",
        f"CREATE INDEX ix_{SEARCH}_grams ON {SEARCH} USING gin (grams)",
    ),
}
for _kind, _statements in MAKE_SEARCH.items():
    for _statement in _statements:  # where the tables are made without the revisions
        event.listen(hazards, "after_create", DDL(_statement).execute_if(dialect=_kind))
