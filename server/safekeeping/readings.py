"""The readings beside a move: carried to another folder with their counts compared, or said where they stay."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from server.errors import ServerError

FILE = "history.db"
PAGES = 2_000  # copied at once
_SUMS = {  # what tells one table from another of as many rows
    "series": "coalesce(sum(length(site) + length(agent) + length(point)), 0)",
    "samples": "coalesce(sum(hour), 0) || '/' || coalesce(sum(ts), 0) || '/' || coalesce(total(value), 0)",
}


@dataclass(frozen=True, slots=True)
class Readings:
    """How many there are, of how many points, and from when to when."""

    rows: Mapping[str, tuple[int, str]]
    first: datetime | None
    last: datetime | None

    @property
    def words(self) -> str:
        """Say it in one line."""
        if self.first is None or self.last is None:
            return "no readings"
        samples, points = self.rows["samples"][0], self.rows["series"][0]
        return f"{samples} readings of {points} points, {self.first:%Y-%m-%d %H:%M} to {self.last:%Y-%m-%d %H:%M} UTC"


def look(folder: Path) -> Readings | None:
    """Count the readings that are kept in a folder; None where there is no file of them."""
    if not (folder / FILE).is_file():
        return None
    try:
        with closing(_opened(folder / FILE)) as file:
            return _read(file)
    except sqlite3.Error as e:
        raise ServerError(f"{folder / FILE}: cannot be read: {e}") from e


def carry(folder: Path, target: Path) -> Readings | None:
    """Copy the readings into another folder, and compare; raise ServerError, with no copy left, where they differ."""
    there = target / FILE
    before = look(folder)
    if before is None:
        return None
    if there.exists():
        raise ServerError(f"{there}: is there already: name another folder for the readings")
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        with closing(_opened(folder / FILE)) as source, closing(sqlite3.connect(there)) as into:
            source.backup(into, pages=PAGES)
            after, sound = _read(into), _one(into, "PRAGMA quick_check")
    except (sqlite3.Error, OSError) as e:
        there.unlink(missing_ok=True)
        raise ServerError(f"{there}: the readings were not copied: {e}") from e
    if after != before or sound != "ok":
        there.unlink(missing_ok=True)
        raise ServerError(f"{there}: the readings were not copied: {before.words}, but {after.words} came")
    there.chmod(0o600)
    return after


def _opened(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)


def _read(file: sqlite3.Connection) -> Readings:
    names = [str(row[0]) for row in file.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    rows = {name: (_one(file, f"SELECT count(*) FROM {name}"), _summed(file, name)) for name in names}  # noqa: S608
    first = last = None
    if rows.get("samples", (0, ""))[0]:
        first, last = file.execute("SELECT min(ts), max(ts) FROM samples").fetchone()
    return Readings(rows, _moment(first), _moment(last))


def _summed(file: sqlite3.Connection, table: str) -> str:
    return str(_one(file, f"SELECT {_SUMS[table]} FROM {table}")) if table in _SUMS else ""  # noqa: S608 - own names


def _one(file: sqlite3.Connection, query: str) -> Any:
    return file.execute(query).fetchone()[0]


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)
