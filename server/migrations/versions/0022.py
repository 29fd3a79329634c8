"""What a 月调度 sums up stands in the index of days: a month of a city is no longer read entry by entry."""

from __future__ import annotations

from alembic import op


revision = '0022'
down_revision = '0021'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index('ix_hazards_found', 'hazards')
    op.create_index('ix_hazards_found', 'hazards', ['found_at', 'id', 'category', 'state'])
