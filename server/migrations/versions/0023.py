"""A lease says whether the broker lets its holder hear the site: one that refuses subscriptions left it silent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = '0023'
down_revision = '0022'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('ingest_leases', sa.Column('heard', sa.Boolean(), server_default=sa.true(), nullable=False))
