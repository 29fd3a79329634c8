"""The outbox's folder: one agent at a time, a sound file in it, a damaged one set aside."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from agent.store import CorruptError, Store

log = logging.getLogger(__name__)
_FILE = "outbox.db"


class BusyError(Exception):
    """Another agent uses the folder."""


class Folder:
    """Where the outbox lives."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def take(self) -> None:
        """Make the folder and hold it for this process; raise BusyError or OSError."""
        self.path.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            os.close(lock)
            raise BusyError(f"{self.path}: another agent uses this folder: stop it, or set outbox.directory") from e
        self._lock = lock

    def open(self) -> tuple[Store, str]:
        """Open the file, setting a damaged one aside; return it and what was wrong (empty when nothing).

        Raise sqlite3.Error or OSError when no file can be used at all.
        """
        try:
            return Store(self.path / _FILE), ""
        except CorruptError as e:
            self.set_aside()
            return Store(self.path / _FILE), str(e)

    def set_aside(self) -> None:
        """Rename the file and its companions, so that a person can look at them later."""
        mark = datetime.now(tz=UTC).strftime("%Y%m%dT%H%M%S%f")
        for name in (_FILE, f"{_FILE}-wal", f"{_FILE}-shm"):
            file = self.path / name
            if file.exists():
                file.rename(self.path / f"{name}.corrupt-{mark}")
        for old in sorted(self.path.glob(f"{_FILE}.corrupt-*"))[:-3]:
            for part in self.path.glob(f"{_FILE}*{old.name.removeprefix(_FILE)}"):
                part.unlink()
        log.error("%s: the outbox file is damaged: set aside as %s.corrupt-%s", self.path, _FILE, mark)

    def release(self) -> None:
        """Let another process have the folder; harmless when not held."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def why(error: sqlite3.Error | OSError) -> str:
    """One machine word for what the disk refuses."""
    if isinstance(error, OSError):
        return {30: "read-only", 28: "disk-full", 13: "no-permission", 5: "io-error"}.get(error.errno or 0, "io-error")
    code: int = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return {
        sqlite3.SQLITE_FULL: "disk-full",
        sqlite3.SQLITE_READONLY: "read-only",
        sqlite3.SQLITE_CANTOPEN: "cannot-open",
        sqlite3.SQLITE_PERM: "no-permission",
        sqlite3.SQLITE_BUSY: "busy",
    }.get(code, "io-error")
