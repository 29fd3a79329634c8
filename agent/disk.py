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
        self._mark: int | None = None

    @property
    def taken(self) -> bool:
        """Whether this process holds the folder."""
        return self._lock is not None

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
        epoch, seq = self._marked()
        try:
            store = Store(self.path / _FILE)
        except CorruptError as e:
            self.set_aside()
            return Store(self.path / _FILE), str(e)
        lost = seq - store.last_seq if store.epoch == epoch else 0
        if lost > 0:
            store.skip_to(seq)  # numbers once given are never given again: the server sees the hole
            return store, f"the last {lost} entries are missing"
        return store, ""

    def mark(self, epoch: str, seq: int) -> None:
        """Note the last committed number beside the file, unsynced: what a damaged end of the file cannot hide."""
        try:
            if self._mark is None:
                self._mark = os.open(self.path / "mark", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            os.pwrite(self._mark, f"{epoch} {seq:020d}\n".encode(), 0)
        except OSError:  # only a witness: the entries themselves are safe
            return

    def _marked(self) -> tuple[str, int]:
        try:
            epoch, seq = (self.path / "mark").read_text(encoding="ascii").split()
            return epoch, int(seq)
        except (OSError, ValueError):
            return "", 0

    def set_aside(self) -> None:
        """Rename the file and its companions, so that a person can look at them later."""
        mark = datetime.now(tz=UTC).strftime("%Y%m%dT%H%M%S%f")
        for name in (_FILE, f"{_FILE}-wal", f"{_FILE}-shm"):
            file = self.path / name
            if file.exists():
                file.rename(self.path / f"{name}.corrupt-{mark}")
        for old in sorted(self.path.glob(f"{_FILE}.corrupt-*"))[:-2]:
            for part in self.path.glob(f"{_FILE}*{old.name.removeprefix(_FILE)}"):
                part.unlink()
        log.error("%s: the outbox file is damaged: set aside as %s.corrupt-%s", self.path, _FILE, mark)

    def release(self) -> None:
        """Let another process have the folder; harmless when not held."""
        for descriptor in (self._lock, self._mark):
            if descriptor is not None:
                os.close(descriptor)
        self._lock = self._mark = None


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
