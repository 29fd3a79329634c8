"""The tables' history, one revision a change (Alembic)."""
