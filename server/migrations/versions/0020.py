"""Which alarm has a still."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import server.database


revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'stills',
        sa.Column('alert', sa.String(length=36), nullable=False),
        sa.Column('site', sa.String(length=40), nullable=False),
        sa.Column('agent', sa.String(length=40), nullable=False),
        sa.Column('camera', sa.String(length=40), nullable=False),
        sa.Column('event', sa.String(length=64), nullable=False),
        sa.Column('at', server.database.Instant(timezone=True), nullable=False),
        sa.Column('received_at', server.database.Instant(timezone=True), nullable=False),
        sa.Column('sha256', sa.String(length=64), nullable=False),
        sa.Column('size', sa.Integer(), nullable=False),
        sa.Column('width', sa.Integer(), nullable=False),
        sa.Column('height', sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint('alert', name=op.f('pk_stills')),
    )
    op.create_index('ix_stills_received_at', 'stills', ['received_at'])
