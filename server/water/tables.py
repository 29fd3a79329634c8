"""Waters in the database: escalations, who was sent, patrols, the codes of checkpoints, drawings for cameras."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Index, PrimaryKeyConstraint, String, Table, Text

from server.database import Counter, Instant, metadata

escalations = Table(
    "water_escalations",
    metadata,
    Column("id", Counter, primary_key=True, autoincrement=True),
    Column("alert", String(36), ForeignKey("alerts.id"), nullable=False),
    Column("site", String(40), nullable=False),
    Column("stage", String(20), nullable=False),
    Column("dwell_s", Float, nullable=False),  # the plan as it stood when it began
    Column("ack_s", Float, nullable=False),
    Column("began_at", Instant, nullable=False),
    Column("lingering_at", Instant),
    Column("principal_at", Instant),
    Column("ended_at", Instant),
    Column("ending", String(20), nullable=False, default=""),  # acknowledged, left
    Column("open", Boolean, nullable=False, default=True),
    Index("ix_water_escalations_open", "open"),
    Index("ix_water_escalations_alert", "alert"),
    sqlite_autoincrement=True,
)

dispatches = Table(
    "water_dispatches",
    metadata,
    Column("id", String(80), primary_key=True),  # made by who sends it: said twice it stays one
    Column("site", String(40), nullable=False),
    Column("water", String(40), nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", String(80), nullable=False),
    Column("who", String(80), nullable=False),
    Column("arrived_at", Instant),
    Column("arrived_by", String(80), nullable=False, default=""),
    Index("ix_water_dispatches_water", "site", "water", "at"),
)

patrols = Table(
    "water_patrols",
    metadata,
    Column("id", String(80), primary_key=True),  # made by the phone: sent twice it stays one
    Column("site", String(40), nullable=False),
    Column("water", String(40), nullable=False),
    Column("checkpoint", String(40), nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", String(80), nullable=False),
    Column("gear", JSON, nullable=False),  # item: true there, false missing
    Column("note", Text, nullable=False, default=""),
    Index("ix_water_patrols_water", "site", "water", "at"),
)

checkpoints = Table(
    "water_checkpoints",
    metadata,
    Column("site", String(40), nullable=False),
    Column("water", String(40), nullable=False),
    Column("checkpoint", String(40), nullable=False),
    Column("token", String(40), nullable=False, unique=True),  # in the QR code; of no use without a login
    PrimaryKeyConstraint("site", "water", "checkpoint"),
)

drawings = Table(
    "camera_drawings",
    metadata,
    Column("id", String(36), primary_key=True),  # the command's id
    Column("site", String(40), nullable=False),
    Column("agent", String(40), nullable=False),
    Column("camera", String(40), nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", String(80), nullable=False),
    Column("state", String(20), nullable=False),  # sent, applied, refused, rolled-back
    Column("reason", Text, nullable=False, default=""),
    Column("shapes", JSON, nullable=False),  # {"lines": {...}, "zones": {...}} in pixels
    Index("ix_camera_drawings_camera", "site", "agent", "camera", "at"),
)
