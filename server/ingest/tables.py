"""What agents sent: durable messages as they came, and what could not be taken."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    true,
)

from server.database import Counter, Instant, metadata

durables = Table(
    "durables",  # events and crossings; the order of n is the order of arrival
    metadata,
    Column("n", Counter, primary_key=True, autoincrement=True),
    Column("site", String(40), nullable=False),
    Column("agent", String(40), nullable=False),
    Column("epoch", String(64), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("id", String(64), nullable=False),
    Column("kind", String(20), nullable=False),  # the topic's last level: events or crossings
    Column("place", String(40), nullable=False),  # the point or the line
    Column("at", Instant, nullable=False),  # the agent's wall clock
    Column("boot_id", String(64), nullable=False),
    Column("mono_s", Float, nullable=False),
    Column("clock", String(20), nullable=False),
    Column("received_at", Instant, nullable=False),  # the server's wall clock
    Column("body", JSON, nullable=False),
    UniqueConstraint("site", "agent", "epoch", "seq"),
    Index("ix_durables_site_agent_id", "site", "agent", "id"),
    sqlite_autoincrement=True,
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("n", Counter, primary_key=True, autoincrement=True),
    Column("received_at", Instant, nullable=False),
    Column("topic", String(500), nullable=False),
    Column("site", String(40)),
    Column("agent", String(40)),
    Column("epoch", String(64)),
    Column("seq", BigInteger),
    Column("reason", String(300), nullable=False),
    Column("payload", LargeBinary, nullable=False),  # the first 16 KiB
    UniqueConstraint("site", "agent", "epoch", "seq"),
    sqlite_autoincrement=True,
)

workers = Table(
    "ingest_workers",  # the ingest processes and when each was last alive, by the database's clock
    metadata,
    Column("name", String(40), primary_key=True),
    Column("beat_at", Instant, nullable=False),
)

leases = Table(
    "ingest_leases",  # who answers for a site (or for a chore, whose name starts with _), and until when
    metadata,
    Column("site", String(40), primary_key=True),
    Column("holder", String(40), nullable=False),
    Column("until", Instant, nullable=False),
    Column("heard", Boolean, nullable=False, server_default=true()),  # whether the broker lets him hear it
)

heard_sites = Table(
    "ingest_sites",  # sites whose agents were heard and that no other table names yet
    metadata,
    Column("site", String(40), primary_key=True),
    Column("first_seen_at", Instant, nullable=False),
)
