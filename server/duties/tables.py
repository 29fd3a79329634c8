"""Duties in the database: who has them, what was done, what was missed and told."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from server.database import Counter, Instant, metadata

subjects = Table(
    "duty_subjects",  # schools, classes, grids, waters: what a duty is counted for
    metadata,
    Column("site", String(40), nullable=False),
    Column("kind", String(20), nullable=False),  # school, class, grid, water
    Column("id", String(40), nullable=False),
    Column("name", String(200), nullable=False),
    Column("stage", String(20), nullable=False, default=""),  # of a school
    Column("boarding", Boolean, nullable=False, default=False),
    Column("person", String(80), nullable=False, default=""),  # the account that answers for it
    Column("since", Instant, nullable=False),  # nothing is missed before
    PrimaryKeyConstraint("site", "kind", "id"),
)

records = Table(
    "duty_records",
    metadata,
    Column("id", Counter, primary_key=True, autoincrement=True),
    Column("duty", String(20), nullable=False),
    Column("site", String(40), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", String(80), nullable=False),
    Column("amount", Float, nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("source", String(40), nullable=False),  # person, or what proved it: drill, patrol, …
    Column("ref", String(120), nullable=False, unique=True),  # the same proof ticks a duty once
    Index("ix_duty_records_at", "site", "duty", "at"),
    sqlite_autoincrement=True,
)

notices = Table(
    "duty_notices",  # reminders and misses, each once
    metadata,
    Column("duty", String(20), nullable=False),
    Column("site", String(40), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("slot", String(80), nullable=False),
    Column("kind", String(20), nullable=False),  # remind, missed
    Column("at", Instant, nullable=False),
    Column("text", Text, nullable=False),
    Column("hazard", BigInteger),
    PrimaryKeyConstraint("duty", "site", "subject", "slot", "kind"),
    Index("ix_duty_notices_site_at", "site", "at"),
)

calendar_days = Table(
    "duty_calendar_days",  # imported calendars: a year of one school, or of all without their own (empty site)
    metadata,
    Column("site", String(40), nullable=False),
    Column("year", Integer, nullable=False),
    Column("n", Integer, nullable=False),
    Column("kind", String(20), nullable=False),  # term, holiday, workday, boarding, exempt
    Column("name", String(80), nullable=False, default=""),
    Column("first", String(10), nullable=False),  # ISO days
    Column("last", String(10), nullable=False),
    PrimaryKeyConstraint("site", "year", "n"),
)

checkpoints = Table(
    "duty_checkpoints",  # QR codes of patrols: a place in a grid
    metadata,
    Column("token", String(40), primary_key=True),
    Column("site", String(40), nullable=False, index=True),
    Column("grid", String(40), nullable=False),
    Column("name", String(80), nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", String(80), nullable=False),
)
