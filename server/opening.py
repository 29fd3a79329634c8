"""The configured database: its address, and opened at the newest revision."""

from __future__ import annotations

from config.secrets import read_secret
from config.server import ServerConfig
from server.database import Database, connect, sqlite_address
from server.errors import ServerError
from server.migrate import migrate


def open_database(config: ServerConfig) -> Database:
    """Open and migrate the configured database."""
    database = connect(database_address(config))
    migrate(database, config.data / "backups")
    return database


def database_address(config: ServerConfig) -> str:
    """Return the configured address, from its private file where it lies there."""
    if config.database_file is None:
        return config.database or sqlite_address(config.data / "campus.db")
    try:
        return read_secret(config.database_file)
    except OSError as e:
        raise ServerError(f"database_file: {config.database_file}: cannot be read: {e.strerror}") from e
