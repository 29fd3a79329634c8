"""What to do, who is on duty, and the plans with their points. An empty site is for every site."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Float,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from server.database import Instant, metadata

advice = Table(
    "advice",  # where a row is missing, the shipped text stands
    metadata,
    Column("site", String(40), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("language", String(10), nullable=False),
    Column("text", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", String(80), nullable=False),
    PrimaryKeyConstraint("site", "kind", "language"),
)

roster = Table(
    "roster",
    metadata,
    Column("site", String(40), nullable=False),
    Column("place", Integer, nullable=False),  # order on the wall
    Column("post", String(40), nullable=False),
    Column("name", String(40), nullable=False),
    Column("phone", String(30), nullable=False, default=""),
    Column("days", String(7), nullable=False),  # digits, Monday is 1
    Column("begins", String(5), nullable=False),  # HH:MM at the school
    Column("ends", String(5), nullable=False),  # before `begins`: on the next day
    PrimaryKeyConstraint("site", "place"),
)

plans = Table(
    "plans",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("site", String(40), nullable=False, default=""),
    Column("name", String(80), nullable=False),
    Column("type", String(20), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("image", LargeBinary, nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", String(80), nullable=False),
)

plan_points = Table(
    "plan_points",
    metadata,
    Column("plan", String(40), nullable=False),
    Column("site", String(40), nullable=False),
    Column("agent", String(40), nullable=False),
    Column("point", String(40), nullable=False),
    Column("x", Float, nullable=False),  # share of the width
    Column("y", Float, nullable=False),  # share of the height
    PrimaryKeyConstraint("plan", "site", "agent", "point"),
    ForeignKeyConstraint(["plan"], ["plans.id"], ondelete="CASCADE"),
)
