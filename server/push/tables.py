"""How far each target has been told: the change feed itself is the queue."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table, Text

from server.database import Counter, Instant, metadata

push_targets = Table(
    "push_targets",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("n", Counter, nullable=False),  # the last change that was told or left out
    Column("failing_since", Instant),
    Column("reason", Text, nullable=False, default=""),
    Column("dropped", Integer, nullable=False, default=0),  # grew too old while it could not be sent
    Column("sent_at", Instant),
)
