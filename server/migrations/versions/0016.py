"""The audit is chained."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Plain columns, no new table: SQLite would lose the audit's AUTOINCREMENT. Older lines stay outside of the chain.
    op.add_column('audit', sa.Column('place', sa.BigInteger()))
    op.add_column('audit', sa.Column('previous', sa.String(length=64)))
    op.add_column('audit', sa.Column('hash', sa.String(length=64)))
    op.create_index('ix_audit_place', 'audit', ['place'], unique=True)
