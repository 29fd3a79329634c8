"""The 周研判 of a school: minutes and conclusion of each week."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import server.database

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'hazard_reviews',
        sa.Column('site', sa.String(length=40), nullable=False),
        sa.Column('week', sa.String(length=8), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('host', sa.Text(), nullable=False),
        sa.Column('present', sa.Text(), nullable=False),
        sa.Column('minutes', sa.Text(), nullable=False),
        sa.Column('by', sa.String(length=80), nullable=False),
        sa.Column('at', server.database.Instant(timezone=True), nullable=False),
        sa.Column('concluded_by', sa.String(length=80), nullable=False),
        sa.Column('concluded_at', server.database.Instant(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint('site', 'week', name=op.f('pk_hazard_reviews')),
    )
