"""The embedded history: one SQLite file of its own, so that readings never wait for alerts nor alerts for readings."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from config.history import HistorySection
from server.errors import ServerError
from server.history import rollups
from server.history.latest import Key
from server.history.series import (
    HOUR_MS,
    MINUTE_MS,
    Bucket,
    Column,
    Kept,
    Sample,
    Tidied,
    from_ms,
    resolution,
    to_ms,
)

_TABLES = f"""
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY, site TEXT NOT NULL, agent TEXT NOT NULL, point TEXT NOT NULL, UNIQUE (site, agent, point)
);
CREATE TABLE IF NOT EXISTS samples (
    hour INTEGER NOT NULL, series INTEGER NOT NULL, ts INTEGER NOT NULL, value, PRIMARY KEY (hour, series, ts)
) WITHOUT ROWID;
{rollups.TABLES}
"""
_VERSION = 1  # 0: samples without roll-ups
LEAST_FREE_MB = 1_000.0  # the disk is the ledger's first: readings are not written below this
LOOK_S = 5.0
_PIECE_S = 0.05  # how long one piece of upkeep may hold up the readings


@dataclass(slots=True)
class SqliteSeries:
    """Written by one thread, kept up by another; a reader opens a connection of its own."""

    file: Path
    keep: HistorySection = field(default_factory=HistorySection)
    _writing: sqlite3.Connection | None = None
    _ids: dict[Key, int] = field(default_factory=dict[Key, int])
    _dirty: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])  # (series, hour) that stand in `dirty`
    _floor: int = rollups.NO_FLOOR
    _untrimmed: bool = True
    _looked_s: float = float("-inf")
    _full: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        """Nothing goes on beside its callers."""

    def write(self, samples: Sequence[Sample]) -> int:
        """Write samples in one transaction; return how many came after their hour was deleted.

        Raise ServerError where the disk does not take them.
        """
        if not samples:
            return 0
        self._leave_room()
        with self._transaction() as connection:
            ids = self._ids
            rows: list[tuple[int, int, int, float | str | None]] = []
            for key, at, value in samples:
                ms = to_ms(at)
                rows.append((ms // HOUR_MS, ids.get(key) or self._id(connection, key), ms, value))
            held = {(series, hour) for hour, series, _, _ in rows}
            if min(hour for _, hour in held) < self._floor:
                taken = [row for row in rows if row[0] >= self._floor]
                rows, held = taken, {(series, hour) for series, hour in held if hour >= self._floor}
            connection.executemany("INSERT OR IGNORE INTO samples VALUES (?, ?, ?, ?)", rows)
            if fresh := held - self._dirty:
                connection.executemany("INSERT OR IGNORE INTO dirty VALUES (?, ?)", fresh)
                self._dirty |= fresh
            return len(samples) - len(rows)

    def read(self, key: Key, begin: datetime, end: datetime, limit: int) -> Sequence[Kept]:
        """Return a series from `begin` up to but not including `end`, oldest first."""
        with self._reading(key, begin, end) as (connection, span):
            if connection is None:
                return []
            rows = connection.execute(rollups.READ, {**span, "limit": limit}).fetchall()
        return [(from_ms(ts), value) for ts, value in rows]

    def buckets(self, key: Key, begin: datetime, end: datetime, step: timedelta) -> Sequence[Bucket]:
        """Return the numbers of each step from `begin` in short."""
        with self._reading(key, begin, end) as (connection, span):
            if connection is None:
                return []
            return rollups.buckets(connection, resolution(step), {**span, "step": max(1, step // _MS)})

    def columns(self, key: Key, begin: datetime, end: datetime, step: timedelta) -> Sequence[Column]:
        """Return the lowest and the highest number of each step from `begin`."""
        return [(step, low, high) for step, low, high, _, _ in self.buckets(key, begin, end, step)]

    def tidy(self, now: datetime, trusted: datetime | None) -> Tidied:
        """Roll up hours that are over, then delete what is too old; one short transaction."""
        if self._writing is None and not self.file.exists():
            return Tidied()
        until_s = time.monotonic() + _PIECE_S
        with self._transaction() as connection:
            rolled, more = self._roll_up(connection, to_ms(now) // HOUR_MS, until_s)
            deleted = 0
            if not more and trusted is not None:
                deleted, more = self._delete(connection, trusted, until_s)
        return Tidied(rolled, deleted, more)

    def trouble(self) -> str:
        """Who writes sees an error at once."""
        return ""

    def behind_s(self) -> float:
        """What is written can be read."""
        return 0.0

    def close(self) -> None:
        """Close the writing connection; may be called twice."""
        with self._lock:
            self._let_go()

    def _leave_room(self) -> None:
        """Refuse to write where the disk is nearly full: whoever sends readings must not stop the ledger by it."""
        if time.monotonic() - self._looked_s > LOOK_S:
            self._looked_s = time.monotonic()
            self._full = shutil.disk_usage(self.file.parent).free < LEAST_FREE_MB * 2**20
        if self._full:
            raise ServerError(f"history {self.file}: less than {LEAST_FREE_MB / 1000:g} GB is free: make room")

    def _roll_up(self, connection: sqlite3.Connection, current: int, until_s: float) -> tuple[int, bool]:
        due = connection.execute("SELECT series, hour FROM dirty WHERE hour <> ? LIMIT 1000", (current,)).fetchall()
        for n, (series, hour) in enumerate(due):
            if time.monotonic() > until_s and n:
                return n, True
            rollups.roll_up(connection, series, hour)
            self._dirty.discard((series, hour))
        return len(due), len(due) == 1000

    def _delete(self, connection: sqlite3.Connection, trusted: datetime, until_s: float) -> tuple[int, bool]:
        """Samples go by the hour and series; what stands in the roll-ups of that hour stays for its own time."""
        floor = to_ms(trusted - timedelta(days=self.keep.keep_days)) // HOUR_MS
        if floor > self._floor:
            # First of all: a sample that came late into a half-deleted hour would spoil its roll-up.
            connection.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (rollups.FLOOR, floor))
            self._floor = floor
            self._untrimmed = True
        deleted = 0
        while time.monotonic() < until_s:
            row = connection.execute(
                "SELECT hour, series FROM samples WHERE hour < ? ORDER BY hour, series LIMIT 1", (self._floor,)
            ).fetchone()
            if row is None:
                break
            deleted += connection.execute("DELETE FROM samples WHERE hour = ? AND series = ?", row).rowcount
        else:
            return deleted, True
        if self._untrimmed:
            minute = to_ms(trusted - timedelta(days=self.keep.keep_minutes_days)) // MINUTE_MS
            hour = to_ms(trusted - timedelta(days=self.keep.keep_hours_days)) // HOUR_MS
            self._untrimmed = rollups.trim(connection, minute, hour, until_s)
        return deleted, self._untrimmed

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        with self._lock:
            try:
                connection = self._open()
                with connection:
                    yield connection
            except (sqlite3.Error, OverflowError) as e:
                self._ids.clear()  # what was rolled back must not be believed
                self._dirty.clear()
                raise ServerError(f"history {self.file}: {e}") from e

    @contextmanager
    def _reading(
        self, key: Key, begin: datetime, end: datetime
    ) -> Generator[tuple[sqlite3.Connection | None, dict[str, int]]]:
        """Open what is there: no connection where nothing of this series was ever kept."""
        try:
            with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, timeout=5.0)) as connection:
                (version,) = connection.execute("PRAGMA user_version").fetchone()
                if version != _VERSION:  # who gathers evidence must ask again, not find nothing
                    raise sqlite3.DatabaseError("is not brought up to this version yet")
                wanted = "SELECT id FROM series WHERE site = ? AND agent = ? AND point = ?"
                row = connection.execute(wanted, key).fetchone()
                if row is None:
                    yield None, {}
                else:
                    yield connection, {"series": row[0], "first": to_ms(begin), "last": to_ms(end)}
        except (sqlite3.Error, OverflowError) as e:
            raise ServerError(f"history {self.file}: {e}") from e

    def _open(self) -> sqlite3.Connection:
        if self._writing is None:
            # A short patience: the same thread keeps the newest values, which pages wait for.
            self._writing = sqlite3.connect(self.file, timeout=0.5, check_same_thread=False)
            try:
                self._prepare(self._writing)
            except sqlite3.Error:
                self._let_go()
                raise
        return self._writing

    def _prepare(self, connection: sqlite3.Connection) -> None:
        # History may lose its last seconds at a power cut; only the ledger pays for every fsync.
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "wal_autocheckpoint=4000", "cache_size=-32768"):
            connection.execute(f"PRAGMA {pragma}")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > _VERSION:
            raise sqlite3.DatabaseError(f"was made by a newer version ({version}): install that version")
        connection.executescript(_TABLES)
        if version < _VERSION:
            with connection:
                rollups.mark_all(connection)
                connection.execute(f"PRAGMA user_version={_VERSION}")
        self._floor = rollups.mark(connection, rollups.FLOOR)

    def _let_go(self) -> None:
        if self._writing is not None:
            self._writing.close()
            self._writing = None

    def _id(self, connection: sqlite3.Connection, key: Key) -> int:
        connection.execute("INSERT OR IGNORE INTO series (site, agent, point) VALUES (?, ?, ?)", key)
        row = connection.execute("SELECT id FROM series WHERE site = ? AND agent = ? AND point = ?", key).fetchone()
        known = self._ids[key] = int(row[0])
        return known


_MS = timedelta(milliseconds=1)
