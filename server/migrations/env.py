"""Alembic's entry: runs the revisions on the connection that `server.migrate` hands over."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from server.migrate import own
from server.tables import metadata

connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=False,
    include_name=own,
)
context.run_migrations()
