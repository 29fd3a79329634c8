"""Indexes for the packs of many schools and for the precision of sensors."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None

_SETTLED = sa.text("NOT open AND point <> ''")


def upgrade() -> None:
    op.create_index(
        'ix_hazards_open_found', 'hazards', ['found_at', 'id'], sqlite_where=sa.text('open'), postgresql_where=sa.text('open')
    )
    op.create_index(
        'ix_hazards_settled_point', 'hazards', ['site', 'agent', 'point', 'state'],
        sqlite_where=_SETTLED, postgresql_where=_SETTLED,
    )
