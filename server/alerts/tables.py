"""The alerts, what was done to them, and the last state heard of each point and hazard."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
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
    text,
)

from server.database import Counter, Instant, metadata

alerts = Table(
    "alerts",
    metadata,
    Column("id", String(36), primary_key=True),  # UUIDv7
    Column("n", BigInteger, nullable=False),  # its newest change
    Column("site", String(40), nullable=False),
    Column("agent", String(40), nullable=False),
    Column("point", String(40), nullable=False),
    Column("name", String(200), nullable=False),
    Column("place", String(200), nullable=False),
    Column("grid", String(200), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("severity", String(20), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("acked", Boolean, nullable=False),
    Column("open", Boolean, nullable=False),  # active, or cleared and not yet acknowledged
    Column("reason", String(80), nullable=False),
    Column("value", JSON),
    Column("unit", String(20), nullable=False),
    Column("began_at", Instant, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("cleared_at", Instant),
    Column("acked_at", Instant),
    Column("acked_by", String(80), nullable=False, default=""),
    Column("comment", Text, nullable=False, default=""),
    Column("count", Integer, nullable=False, default=1),  # how often it came on
    Column("hazard", BigInteger),  # its number in the hazard ledger
    Column("simulated", Boolean, nullable=False, default=False),
    Column("drill", Boolean, nullable=False, default=False),
    Column("late", Boolean, nullable=False, default=False),
    Column("latched", Boolean, nullable=False, default=False),
    Column("normal_at", Instant),  # latched: since when the point itself is normal again
    Column("reset_at", Instant),
    Column("reset_by", String(80), nullable=False, default=""),
    Column("shelved_until", Instant),
    Index(
        "uq_alerts_one_open",
        "site",
        "agent",
        "point",
        "kind",
        unique=True,
        sqlite_where=text("open"),
        postgresql_where=text("open"),
    ),
    Index("ix_alerts_received_at", "received_at"),
)

IS_OPEN: ColumnElement[bool] = text("alerts.open")  # pyright: ignore[reportAssignmentType]
"""As the partial index says it: `open = 1`, which SQLAlchemy would write, is not seen by SQLite as the same.

It is the only index on open alerts: beside one on the site alone, a planner without statistics may take that one and
read all open alerts of a school for each event.
"""

alert_actions = Table(
    "alert_actions",  # append-only: what persons did
    metadata,
    Column("n", Counter, primary_key=True, autoincrement=True),
    Column("alert", String(36), ForeignKey("alerts.id"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("by", String(80), nullable=False),
    Column("action", String(20), nullable=False),
    Column("text", Text, nullable=False, default=""),
    sqlite_autoincrement=True,
)

point_states = Table(
    "point_states",  # an event older than this one is history and changes nothing
    metadata,
    Column("site", String(40), nullable=False),
    Column("agent", String(40), nullable=False),
    Column("point", String(40), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("epoch", String(64), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("active", Boolean, nullable=False),
    PrimaryKeyConstraint("site", "agent", "point", "kind"),
)
