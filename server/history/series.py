"""The embedded history: one SQLite file of its own, so that readings never wait for alerts nor alerts for readings."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from server.errors import ServerError
from server.history.latest import Key

_TABLES = """
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY, site TEXT NOT NULL, agent TEXT NOT NULL, point TEXT NOT NULL, UNIQUE (site, agent, point)
);
CREATE TABLE IF NOT EXISTS samples (
    hour INTEGER NOT NULL, series INTEGER NOT NULL, ts INTEGER NOT NULL, value, PRIMARY KEY (hour, series, ts)
) WITHOUT ROWID;
"""
_HOUR_MS = 3_600_000


Kept = tuple[datetime, float | str | None]


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one series; what is no number, text or truth value is None."""

    key: Key
    at: datetime
    value: float | str | None


@dataclass(slots=True)
class SqliteSeries:
    """Written by one thread; a reader opens a connection of its own. A sample written twice is kept once."""

    file: Path
    _writing: sqlite3.Connection | None = None
    _ids: dict[Key, int] = field(default_factory=dict[Key, int])

    def write(self, samples: Iterable[Sample]) -> None:
        """Write samples in one transaction; raise ServerError where the disk does not take them."""
        try:
            connection = self._open()
            with connection:
                rows = [(_ms(s.at) // _HOUR_MS, self._id(connection, s.key), _ms(s.at), s.value) for s in samples]
                connection.executemany("INSERT OR IGNORE INTO samples VALUES (?, ?, ?, ?)", rows)
        except (sqlite3.Error, OverflowError) as e:
            self._ids.clear()  # an id that was rolled back must not be used
            raise ServerError(f"history {self.file}: {e}") from e

    def read(
        self, key: Key, begin: datetime, end: datetime, limit: int
    ) -> Sequence[tuple[datetime, float | str | None]]:
        """Return a series from `begin` up to but not including `end`, oldest first."""
        first, last = _ms(begin), _ms(end)
        hours = (first // _HOUR_MS, last // _HOUR_MS)
        try:
            with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, timeout=5.0)) as connection:
                rows = connection.execute(
                    "SELECT ts, value FROM samples JOIN series ON series.id = samples.series"
                    " WHERE site = ? AND agent = ? AND point = ? AND hour BETWEEN ? AND ? AND ts >= ? AND ts < ?"
                    " ORDER BY hour, ts LIMIT ?",
                    (*key, *hours, first, last, limit),
                ).fetchall()
        except sqlite3.Error as e:
            raise ServerError(f"history {self.file}: {e}") from e
        return [(_moment(ts), value) for ts, value in rows]

    def columns(self, key: Key, begin: datetime, end: datetime, step: timedelta) -> Sequence[tuple[int, float, float]]:
        """Return the lowest and the highest number of each step from `begin`: no spike is lost however long it is."""
        first, last, step_ms = _ms(begin), _ms(end), step // timedelta(milliseconds=1)
        try:
            with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, timeout=5.0)) as connection:
                # The key begins with the hour: each hour of the span is looked up by itself.
                return connection.execute(
                    "WITH RECURSIVE span(h) AS (VALUES (?) UNION ALL SELECT h + 1 FROM span WHERE h < ?),"
                    " wanted AS (SELECT id FROM series WHERE site = ? AND agent = ? AND point = ?)"
                    " SELECT (ts - ?) / ?, MIN(value), MAX(value) FROM wanted CROSS JOIN span CROSS JOIN samples"
                    " ON samples.hour = span.h AND samples.series = wanted.id"
                    " WHERE ts >= ? AND ts < ? AND typeof(value) IN ('real', 'integer') GROUP BY 1 ORDER BY 1",
                    (first // _HOUR_MS, last // _HOUR_MS, *key, first, step_ms, first, last),
                ).fetchall()
        except sqlite3.Error as e:
            raise ServerError(f"history {self.file}: {e}") from e

    def close(self) -> None:
        """Close the writing connection; may be called twice."""
        if self._writing is not None:
            self._writing.close()
            self._writing = None

    def _open(self) -> sqlite3.Connection:
        if self._writing is None:
            # A short patience: the same thread keeps the newest values, which pages wait for.
            self._writing = sqlite3.connect(self.file, timeout=0.5, check_same_thread=False)
            # History may lose its last seconds at a power cut; only the ledger pays for every fsync.
            self._writing.execute("PRAGMA journal_mode=WAL")
            self._writing.execute("PRAGMA synchronous=NORMAL")
            self._writing.executescript(_TABLES)
        return self._writing

    def _id(self, connection: sqlite3.Connection, key: Key) -> int:
        known = self._ids.get(key)
        if known is None:
            connection.execute("INSERT OR IGNORE INTO series (site, agent, point) VALUES (?, ?, ?)", key)
            row = connection.execute("SELECT id FROM series WHERE site = ? AND agent = ? AND point = ?", key).fetchone()
            known = self._ids[key] = int(row[0])
        return known


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _ms(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)


def _moment(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)
