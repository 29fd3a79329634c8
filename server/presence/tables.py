"""Agents, their boots, points, lines and zones as their births name them; no list is made by hand."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
)

from server.database import Instant, metadata

agents = Table(
    "agents",
    metadata,
    Column("site", String(40), nullable=False),
    Column("agent", String(40), nullable=False),
    Column("name", String(200), nullable=False, default=""),
    Column("status", String(20), nullable=False, default="unknown"),  # what the agent said last: online, stopping, …
    Column("boot_id", String(64), nullable=False, default=""),
    Column("session", Integer, nullable=False, default=0),
    Column("booted_at", Instant),
    Column("version", String(80), nullable=False, default=""),
    Column("epoch", String(64), nullable=False, default=""),
    Column("simulated", Boolean, nullable=False, default=False),
    Column("first_seen_at", Instant, nullable=False),
    Column("birth_at", Instant),
    PrimaryKeyConstraint("site", "agent"),
)

boots = Table(
    "boots",  # in the order the server first heard of them: tells an old will from a true one
    metadata,
    Column("site", String(40), nullable=False),
    Column("agent", String(40), nullable=False),
    Column("boot_id", String(64), nullable=False),
    Column("first_seen_at", Instant, nullable=False),
    PrimaryKeyConstraint("site", "agent", "boot_id"),
)

epochs = Table(
    "epochs",  # one row an outbox file; `contiguous` is the last seq before the first hole
    metadata,
    Column("site", String(40), nullable=False),
    Column("agent", String(40), nullable=False),
    Column("epoch", String(64), nullable=False),
    Column("first_seen_at", Instant, nullable=False),
    Column("contiguous", BigInteger, nullable=False, default=0),
    PrimaryKeyConstraint("site", "agent", "epoch"),
)

points = Table(
    "points",
    metadata,
    Column("site", String(40), nullable=False),
    Column("agent", String(40), nullable=False),
    Column("id", String(40), nullable=False),
    Column("name", String(200), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("unit", String(20), nullable=False, default=""),
    Column("place", String(200), nullable=False, default=""),
    Column("grid", String(200), nullable=False, default=""),
    Column("zone", String(200), nullable=False, default=""),
    Column("auxiliary", Boolean, nullable=False, default=False),
    Column("silence_s", Float),
    Column("limits", JSON, nullable=False, default=list, server_default="[]"),
    Column("gone", Boolean, nullable=False, default=False),  # no longer in the newest birth
    PrimaryKeyConstraint("site", "agent", "id"),
)

lines = Table(
    "lines",
    metadata,
    Column("site", String(40), nullable=False),
    Column("agent", String(40), nullable=False),
    Column("id", String(40), nullable=False),
    Column("name", String(200), nullable=False),
    Column("place", String(200), nullable=False, default=""),
    Column("exit", String(200), nullable=False, default=""),
    Column("out", String(20)),
    Column("width_m", Float),
    Column("camera", String(40), nullable=False, default="", server_default=""),
    Column("gone", Boolean, nullable=False, default=False),
    PrimaryKeyConstraint("site", "agent", "id"),
)

zones = Table(
    "zones",
    metadata,
    Column("site", String(40), nullable=False),
    Column("agent", String(40), nullable=False),
    Column("id", String(40), nullable=False),
    Column("name", String(200), nullable=False),
    Column("place", String(200), nullable=False, default=""),
    Column("kind", String(40), nullable=False),
    Column("camera", String(40), nullable=False, default="", server_default=""),
    Column("gone", Boolean, nullable=False, default=False),
    PrimaryKeyConstraint("site", "agent", "id"),
)

agent_views = Table(
    "agent_views",  # what the process that hears an agent knows of it, for the processes that show pages
    metadata,
    Column("site", String(40), nullable=False),
    Column("agent", String(40), nullable=False),
    Column("written_at", Instant, nullable=False, index=True),  # the database's clock
    Column("view", JSON, nullable=False),
    Column("heartbeat", JSON),
    PrimaryKeyConstraint("site", "agent"),
)

open_pages = Table(
    "open_pages",  # which sites are watched on the pages of which process; an empty site is every site
    metadata,
    Column("process", String(40), nullable=False),
    Column("site", String(40), nullable=False),
    Column("seen_at", Instant, nullable=False),  # the database's clock
    PrimaryKeyConstraint("process", "site"),
)
