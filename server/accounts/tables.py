"""Users, their sessions, and the audit."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from server.database import Counter, Instant, metadata

users = Table(
    "users",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", String(80), nullable=False, unique=True),
    Column("role", String(20), nullable=False),
    Column("password", String(300), nullable=False),  # argon2
    Column("disabled", Boolean, nullable=False, default=False),
    Column("created_at", Instant, nullable=False),
)

user_reach = Table(
    "user_reach",  # what a user sees; nothing where there is no row
    metadata,
    Column("user", Integer, ForeignKey("users.id"), nullable=False),
    Column("site", String(40), nullable=False),  # `*`: every school
    Column("grid", String(80), nullable=False, default=""),  # empty: all of the school
    PrimaryKeyConstraint("user", "site", "grid"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("hash", String(64), primary_key=True),  # SHA-256 of the cookie; the cookie itself is never stored
    Column("user", Integer, ForeignKey("users.id"), nullable=False, index=True),
    Column("created_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
)

kiosk_codes = Table(
    "kiosk_codes",  # each opens one session of one device, once
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("user", Integer, ForeignKey("users.id"), nullable=False),
    Column("created_at", Instant, nullable=False),
)

tokens = Table(
    "api_tokens",  # for programs: a token is shown once, only its hash is kept
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("user", Integer, ForeignKey("users.id"), nullable=False, index=True),
    Column("name", String(80), nullable=False),
    Column("scope", Text, nullable=False),  # permissions, a space between them
    Column("site", String(40), nullable=False, default="", server_default=""),  # empty: all its owner sees
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
    Column("revoked_at", Instant),
)

audit = Table(
    "audit",
    metadata,
    Column("n", Counter, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("by", String(80), nullable=False),
    Column("address", String(80), nullable=False, default=""),
    Column("action", String(80), nullable=False),
    Column("subject", String(200), nullable=False, default=""),
    Column("text", Text, nullable=False, default=""),
    Column("place", BigInteger),  # in the chain, without a gap; none in lines older than the chain
    Column("previous", String(64)),
    Column("hash", String(64)),
    Index("ix_audit_at", "at"),
    Index("ix_audit_place", "place", unique=True),
    sqlite_autoincrement=True,
)
