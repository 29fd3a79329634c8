"""Drills in the database: the drill, what was said in it, its results, its problems, and what bounds the clocks."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from server.database import Counter, Instant, metadata

drills = Table(
    "drills",
    metadata,
    Column("id", String(36), primary_key=True),  # UUIDv7
    Column("site", String(40), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("name", String(200), nullable=False, default=""),
    Column("phase", String(20), nullable=False),  # as last computed; the journal of acts is the truth
    Column("plan", JSON, nullable=False),  # who takes part, as it stood when planned
    Column("record", JSON, nullable=False),  # what people write on the record
    Column("after_n", BigInteger, nullable=False),  # durable messages up to this one came before the drill
    Column("planned_at", Instant),
    Column("starts_itself", Boolean, nullable=False, default=False),  # at `planned_at`
    Column("armed_until", Instant),  # until then a trigger starts it
    Column("created_at", Instant, nullable=False),
    Column("created_by", String(80), nullable=False),
    Column("begun_s", Float),  # first signal, server's clock, seconds since 1970
    Column("t0_s", Float),
    Column("finished_at", Instant),
    Column("simulated", Boolean, nullable=False, default=False),
    Index("ix_drills_site_created", "site", "created_at"),
    Index("ix_drills_site_phase", "site", "phase"),
)

drill_acts = Table(
    "drill_acts",  # append-only: signals, arrivals, reports, endings
    metadata,
    Column("n", Counter, primary_key=True, autoincrement=True),
    Column("drill", String(36), ForeignKey("drills.id"), nullable=False),
    Column("id", String(80), nullable=False),  # made by who said it: saying it again changes nothing
    Column("kind", String(20), nullable=False),
    Column("at_s", Float, nullable=False),
    Column("plus_minus_s", Float, nullable=False),
    Column("trust", String(20), nullable=False),
    Column("body", JSON, nullable=False),
    Column("by", String(80), nullable=False, default=""),
    Column("received_at", Instant, nullable=False),
    UniqueConstraint("drill", "id"),
    sqlite_autoincrement=True,
)

drill_results = Table(
    "drill_results",  # append-only: later data add a revision and overwrite nothing
    metadata,
    Column("drill", String(36), ForeignKey("drills.id"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("result", JSON, nullable=False),
    PrimaryKeyConstraint("drill", "revision"),
)

drill_problems = Table(
    "drill_problems",
    metadata,
    Column("drill", String(36), ForeignKey("drills.id"), nullable=False),
    Column("id", String(80), nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", String(80), nullable=False),
    Column("text", Text, nullable=False),
    Column("place", String(200), nullable=False, default=""),
    Column("hazard", BigInteger),  # its number in the ledger
    PrimaryKeyConstraint("drill", "id"),
)

drill_beats = Table(
    "drill_beats",  # the best bounds of each minute of each boot of the agents at the exits
    metadata,
    Column("site", String(40), nullable=False),
    Column("agent", String(40), nullable=False),
    Column("boot_id", String(64), nullable=False),
    Column("minute", Integer, nullable=False),
    Column("bound", String(4), nullable=False),  # high or low
    Column("mono_s", Float, nullable=False),
    Column("received_s", Float, nullable=False),
    Column("answer_mono_s", Float),
    Column("answer_sent_s", Float),
    PrimaryKeyConstraint("site", "agent", "boot_id", "minute", "bound"),
)

drill_agents = Table(
    "drill_agents",  # until when every crossing of an agent has surely come
    metadata,
    Column("site", String(40), nullable=False),
    Column("agent", String(40), nullable=False),
    Column("complete_until_s", Float, nullable=False),
    Column("heard_s", Float, nullable=False),
    PrimaryKeyConstraint("site", "agent"),
)
