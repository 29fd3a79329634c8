"""Bring the database to this program's tables, with a backup of the old ones first."""

from __future__ import annotations

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from server.database import Database
from server.errors import ServerError
from server.ledger.tables import SEARCH

_LOCK = 0x6361_6D70_6D69  # "campmi": any number that is ours alone
_log = logging.getLogger(__name__)


def migrate(database: Database, backups: Path | None = None) -> None:
    """Run the missing revisions; back the database up into `backups` first. Refuse one of a newer version."""
    address = database.write.url.render_as_string(hide_password=True)
    try:
        with database.write.connect() as connection, connection.begin():
            if connection.dialect.name == "postgresql":  # several workers may be started at once
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            config = alembic_of(connection)
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
                from server.safekeeping.backup import before_migration  # noqa: PLC0415 - it migrates what it restores

                _log.info("database %s: copied to %s", address, before_migration(database, backups, present))
            command.upgrade(config, "head")
            _log.info("database %s: now at revision %s", address, newest)
    except SQLAlchemyError as e:
        cause = e.__cause__ or e
        raise ServerError(f"database {address}: cannot be used: {cause}") from e


def own(name: str | None, kind: str, _parents: object) -> bool:
    """Leave out what a revision makes by itself for one database: the index of texts and its inner tables."""
    return not (kind == "table" and name is not None and name.startswith(SEARCH))


def revise(database: Database, message: str) -> None:
    """Write a new revision file from the difference between the tables and a migrated database."""
    with database.write.connect() as connection, connection.begin():
        config = alembic_of(connection)
        number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
        # Numbered, so that two branches that both add one meet in a conflict and not in two heads.
        command.revision(config, message=message, autogenerate=True, rev_id=f"{number:04d}")


def alembic_of(connection: Connection) -> Config:
    """Return Alembic's configuration for one connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s")
    config.attributes["connection"] = connection
    return config
