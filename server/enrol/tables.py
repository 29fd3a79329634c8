"""Join tokens, and the certificates that agents were given."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table

from server.database import Instant, metadata

join_tokens = Table(
    "join_tokens",
    metadata,
    Column("hash", String(64), primary_key=True),  # SHA-256 of the token; the token itself is never stored
    Column("site", String(40), nullable=False),
    Column("agent", String(40), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used", Integer, nullable=False, default=0),
)

certificates = Table(
    "certificates",
    metadata,
    Column("serial", String(40), primary_key=True),  # hexadecimal
    Column("site", String(40), nullable=False),
    Column("agent", String(40), nullable=False),
    Column("key_hash", String(64), nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("not_after", Instant, nullable=False),
    Column("revoked_at", Instant),
    Index("ix_certificates_site_agent", "site", "agent"),
)
