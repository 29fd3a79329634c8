"""Which alarm has a still; the picture itself is a file, so that a backup of the database holds none."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table

from server.database import Instant, metadata

stills = Table(
    "stills",
    metadata,
    Column("alert", String(36), primary_key=True),
    Column("site", String(40), nullable=False),
    Column("agent", String(40), nullable=False),
    Column("camera", String(40), nullable=False),
    Column("event", String(64), nullable=False),  # its id, by the agent
    Column("at", Instant, nullable=False),  # by the agent's clock
    Column("received_at", Instant, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", Integer, nullable=False),  # bytes
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Index("ix_stills_received_at", "received_at"),
)
