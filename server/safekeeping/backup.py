"""Make a backup while the server runs, and put one back where none runs."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from alembic import command
from alembic.runtime.migration import MigrationContext
from sqlalchemy.exc import SQLAlchemyError

from server.database import Database
from server.errors import ServerError
from server.ledger.seal import ANCHOR_FILE
from server.ledger.tables import hazards
from server.migrate import alembic_of, migrate
from server.safekeeping import archive, dump, secret
from server.safekeeping.archive import Manifest

HISTORY, SECRETS = "history.db", "secrets.bin"
CONFIG = "config/*"


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of it."""

    file: Path
    counts: dict[str, int]
    secrets: bool

    @property
    def words(self) -> str:
        """Say it in one line."""
        rows = sum(self.counts.values())
        entries = self.counts.get(hazards.name, 0)
        keys = "keys and passwords sealed" if self.secrets else "WITHOUT keys and passwords (--passphrase-file)"
        return f"{self.file}: {rows} rows, {entries} ledger entries, {keys}"


def backup(database: Database, data: Path, file: Path, passphrase: bytes | None, *, history: bool = True) -> Kept:
    """Copy all that the server keeps into one file; the server may be running."""
    with tempfile.TemporaryDirectory(prefix="backup-", dir=_beside(file)) as scratch:
        folder = Path(scratch)
        parts: dict[str, Path] = {}
        manifest = copy_database(database, folder, parts)
        if history and (data / HISTORY).exists():
            dump.copy_sqlite(data / HISTORY, folder / HISTORY)
            parts[HISTORY] = folder / HISTORY
        for own in (*sorted(data.glob(CONFIG)), data / ANCHOR_FILE):
            if own.is_file():
                parts[own.relative_to(data).as_posix()] = own
        secrets = secret.found(data)
        if passphrase is not None and secrets:
            (folder / SECRETS).write_bytes(secret.seal(secrets, passphrase))
            parts[SECRETS] = folder / SECRETS
        with archive.fresh(file) as part:
            archive.pack(part, parts, manifest)
    return Kept(file, manifest.counts, SECRETS in parts or not secrets)


def copy_database(database: Database, folder: Path, parts: dict[str, Path]) -> Manifest:
    """Copy the database alone into `folder`, as it was at one moment; say what it holds."""
    if database.read.dialect.name == "sqlite":
        copy = folder / dump.SQLITE
        dump.copy_sqlite(Path(database.read.url.database or ""), copy)
        parts[dump.SQLITE] = copy
        seen = dump.sqlite_state(copy)
    else:
        try:
            seen = dump.copy_out(database, folder)
        except (SQLAlchemyError, psycopg.Error) as e:
            raise ServerError(f"database: cannot be copied: {e.__cause__ or e}") from e
        parts |= {f"tables/{part.name}": part for part in (folder / "tables").iterdir()}
    made_at = datetime.now(UTC).isoformat()
    return Manifest(database.read.dialect.name, seen.revision, made_at, seen.counts, seen.tips, {})


def before_migration(database: Database, backups: Path, revision: str) -> Path:
    """Copy the database alone before a migration changes it."""
    file = backups / f"before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{revision}.zip"
    with tempfile.TemporaryDirectory(prefix="backup-", dir=_beside(file)) as scratch:
        parts: dict[str, Path] = {}
        manifest = copy_database(database, Path(scratch), parts)
        with archive.fresh(file) as part:
            archive.pack(part, parts, manifest)
    return file


def restore(database: Database, data: Path, file: Path, passphrase: bytes | None) -> Kept:
    """Put a backup back; what is there already is set aside under another name, never overwritten."""
    with tempfile.TemporaryDirectory(prefix="restore-", dir=_beside(data / "backups" / "x")) as scratch:
        folder = Path(scratch)
        manifest = archive.unpack(file, folder)
        kind = database.read.dialect.name
        if manifest.kind != kind:
            raise ServerError(
                f"{file}: is a backup of {manifest.kind}, the configured database is {kind}:"
                " restore it there, then use `campus-server move`"
            )
        secrets = _secrets(file, folder, passphrase)
        if kind == "sqlite":
            _restore_sqlite(database, folder)
        else:
            _restore_postgresql(database, folder, manifest)
        for name in (HISTORY, ANCHOR_FILE, *(p.relative_to(folder).as_posix() for p in folder.glob(CONFIG))):
            if (folder / name).exists():
                _place(folder / name, data / name)
        for name, content in secrets.items():
            (folder / "secret").write_bytes(content)
            (folder / "secret").chmod(0o600)
            _place(folder / "secret", data / name)
    migrate(database, data / "backups")
    return Kept(file, manifest.counts, bool(secrets))


def _secrets(file: Path, folder: Path, passphrase: bytes | None) -> dict[str, bytes]:
    sealed = folder / SECRETS
    if not sealed.exists():
        return {}
    if passphrase is None:
        raise ServerError(f"{file}: holds sealed keys: name the passphrase by --passphrase-file")
    return secret.unseal(sealed.read_bytes(), passphrase)


def _restore_sqlite(database: Database, folder: Path) -> None:
    target = Path(database.read.url.database or "")
    database.close()
    for rest in ("-wal", "-shm"):
        beside = target.with_name(target.name + rest)
        if beside.exists() and target.exists():  # fold what stands in the log into the file before it is set aside
            dump.fold(target)
        beside.unlink(missing_ok=True)
    _place(folder / dump.SQLITE, target)


def _restore_postgresql(database: Database, folder: Path, manifest: Manifest) -> None:
    try:
        with database.write.connect() as connection, connection.begin():
            if MigrationContext.configure(connection).get_current_revision() is not None:
                raise ServerError("restore: the configured PostgreSQL database is not empty: name a fresh one")
            command.upgrade(alembic_of(connection), manifest.revision)
            dump.copy_in(connection, folder)
    except (SQLAlchemyError, psycopg.Error) as e:
        raise ServerError(f"restore: {e.__cause__ or e}") from e


def _place(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if target.exists():
        target.replace(target.with_name(f"{target.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"))
    shutil.move(source, target)
    target.chmod(0o600)


def _beside(file: Path) -> Path:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as e:
        raise ServerError(f"{file.parent}: cannot be made: {e.strerror}") from e
    return file.parent
