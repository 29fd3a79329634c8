"""Accounts see sets of schools and grids."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'user_reach',
        sa.Column('user', sa.Integer(), nullable=False),
        sa.Column('site', sa.String(length=40), nullable=False),
        sa.Column('grid', sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(['user'], ['users.id']),
        sa.PrimaryKeyConstraint('user', 'site', 'grid'),
    )
    # Who saw one school sees that one; an empty school meant every school.
    op.execute(
        """INSERT INTO user_reach ("user", site, grid)
        SELECT id, CASE WHEN site = '' THEN '*' ELSE site END, '' FROM users"""
    )
    op.execute('ALTER TABLE users DROP COLUMN site')  # in place: a copy of the table would lose what refers to it
