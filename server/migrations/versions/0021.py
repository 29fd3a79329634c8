"""One index on open alerts, not two: with both, a school's open alerts could all be read for each event."""

from __future__ import annotations

from alembic import op


revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index('ix_alerts_site_open', 'alerts')
