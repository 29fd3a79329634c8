"""Bring the database to this program's tables, with a copy of the old file first."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from server.database import Database
from server.errors import ServerError

_LOCK = 0x6361_6D70_6D69  # "campmi": any number that is ours alone
_log = logging.getLogger(__name__)


def migrate(database: Database, backups: Path | None = None) -> None:
    """Run the missing revisions; copy an SQLite file to `backups` first. Refuse a database of a newer version."""
    address = database.write.url.render_as_string(hide_password=True)
    try:
        with database.write.connect() as connection, connection.begin():
            if connection.dialect.name == "postgresql":  # several workers may be started at once
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            config = _config(connection)
            script = ScriptDirectory.from_config(config)
            present = MigrationContext.configure(connection).get_current_revision()
            newest = script.get_current_head()
            if present == newest:
                return
            known = {revision.revision for revision in script.walk_revisions()}
            if present is not None and present not in known:
                raise ServerError(
                    f"database {address}: was made by a newer version (revision {present}): "
                    "install that version, or restore a backup made before it"
                )
            if present is not None and backups is not None:
                _copy(connection, backups, present)
            command.upgrade(config, "head")
            _log.info("database %s: now at revision %s", address, newest)
    except SQLAlchemyError as e:
        cause = e.__cause__ or e
        raise ServerError(f"database {address}: cannot be used: {cause}") from e


def revise(database: Database, message: str) -> None:
    """Write a new revision file from the difference between the tables and a migrated database."""
    with database.write.connect() as connection, connection.begin():
        config = _config(connection)
        number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
        # Numbered, so that two branches that both add one meet in a conflict and not in two heads.
        command.revision(config, message=message, autogenerate=True, rev_id=f"{number:04d}")


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s")
    config.attributes["connection"] = connection
    return config


def _copy(connection: Connection, backups: Path, revision: str) -> None:
    file = connection.engine.url.database
    if connection.dialect.name != "sqlite" or not file:
        return
    backups.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy = backups / f"before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{revision}.db"
    # Through SQLite itself: a plain copy would miss what still stands in the write-ahead log.
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    copy.chmod(0o600)
    _log.info("database %s: copied to %s before the migration", file, copy)
