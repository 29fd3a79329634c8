"""One SQLite file of durable entries: an epoch, gapless numbers, what still waits for its receipt."""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice
from pathlib import Path

from uuid_utils import uuid7

from contracts.messages import Crossing, Event
from contracts.vocabulary import Severity

Entry = Event | Crossing

_SCHEMA = """
create table if not exists meta (key text primary key, value text not null) without rowid;
create table if not exists entry (
  seq integer primary key, rank integer not null, kind text not null, point text not null,
  odometer real not null, sum integer not null, body text not null, receipt real);
create index if not exists waiting on entry (rank, seq) where receipt is null;
drop index if exists overtaken;
create index if not exists story on entry (point, rank, seq) where receipt is null and rank < 2;
"""
_VERSION = 1
_PAGE = 1024  # a lone event changes a few pages, and all of each is written: an SD card takes 50 MB a day
_CHECKED_AT_OPEN_BYTES = 32 << 20  # a larger file is trusted until a read fails: the start must stay short
_PRUNED_AT_ONCE = 500
_NO_CODE = 0xFF


class CorruptError(Exception):
    """The file holds something other than what was written."""


class NewerError(Exception):
    """The file was made by a newer agent."""


class Rank(IntEnum):
    """What leaves first."""

    ALARM = 0
    NOTICE = 1
    CROSSING = 2


@dataclass(frozen=True, slots=True)
class Waiting:
    """An entry without a receipt, as it goes on the wire."""

    epoch: str
    seq: int
    rank: Rank
    kind: str  # 'events' or 'crossings'
    body: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """An entry without a receipt and where it stands; `point` is empty for a crossing, whose order tells nothing."""

    epoch: str
    seq: int
    rank: Rank
    point: str
    accepted_s: float  # monotonic seconds of this process; less than its start for what an earlier one accepted

    @property
    def key(self) -> tuple[str, int]:
        """What a receipt names."""
        return self.epoch, self.seq


def rank(entry: Entry) -> Rank:
    """Alarms before faults, advice and ends of alarms; crossings last."""
    match entry:
        case Event(active=True, severity=Severity.CRITICAL | Severity.WARNING):
            return Rank.ALARM
        case Event():
            return Rank.NOTICE
        case Crossing():
            return Rank.CROSSING


class Store:
    """Entries in one file (or in memory, `path=None`). One thread writes; another may read."""

    def __init__(self, path: Path | None) -> None:
        """Open or make the file; raise CorruptError or sqlite3.Error."""
        self._opened = time.monotonic()
        self._write = _connect(path)
        self._read = self._write
        try:
            _prepare(self._write, path)
            self.epoch = self._meta_epoch()
            last, waiting, odometer = self._write.execute(
                "select coalesce(max(seq), 0), count(*) filter (where receipt is null),"
                " coalesce((select odometer from entry order by seq desc limit 1), 0) from entry"
            ).fetchone()
            self.last_seq = int(last)
            self.depth = int(waiting)
            self.count = int(self._write.execute("select count(*) from entry").fetchone()[0])
            self._odometer = float(odometer)
            if path is not None:
                self._read = _connect(path)
        except sqlite3.Error:
            self.close()
            raise

    def _meta_epoch(self) -> str:
        row = self._write.execute("select value from meta where key = 'epoch'").fetchone()
        if row is not None:
            return str(row[0])
        epoch = str(uuid7())
        with self._write:
            self._write.execute("insert into meta values ('epoch', ?)", (epoch,))
        return epoch

    def odometer(self) -> float:
        """Seconds this store has been open in all: ages that no wall clock can change."""
        return self._odometer + time.monotonic() - self._opened

    def skip_to(self, seq: int) -> None:
        """Give no number up to this one again."""
        self.last_seq = max(self.last_seq, seq)

    def commit(self, entries: Sequence[Entry], receipts: Iterable[int]) -> list[Entry]:
        """Store the entries and the receipts in one transaction; return the entries with their identity."""
        seq, now = self.last_seq, self.odometer()
        stored: list[Entry] = []
        rows: list[tuple[int, int, str, str, float, int, str]] = []
        for entry in entries:
            seq += 1
            numbered = entry.model_copy(update={"epoch": self.epoch, "seq": seq})
            body = numbered.model_dump_json()
            kind, point = ("events", entry.point) if isinstance(entry, Event) else ("crossings", entry.line)
            rows.append((seq, rank(entry), kind, point, now, zlib.crc32(body.encode()), body))
            stored.append(numbered)
        with self._write:
            self._write.execute("begin immediate")
            self._write.executemany("insert into entry values (?, ?, ?, ?, ?, ?, ?, null)", rows)
            if self.depth + len(rows) > 1:  # an alarm takes along what its own point said before: their order stays
                self._write.executemany(  # `rank < 2` names the index
                    "update entry set rank = 0"
                    " where point = ? and seq < ? and receipt is null and rank = 1 and rank < 2",
                    [(row[3], row[0]) for row in rows if row[1] == Rank.ALARM],
                )
            acknowledged = self._write.executemany(
                "update entry set receipt = ? where seq = ? and receipt is null", [(now, seq) for seq in receipts]
            ).rowcount
        self.last_seq = seq
        self.count += len(rows)
        self.depth += len(rows) - max(0, acknowledged)
        return stored

    def points(self) -> Iterator[str]:
        """The points that have events to send."""
        after = ""
        while row := self._read.execute(
            "select point from entry where receipt is null and rank < 2 and point > ? order by point limit 1", (after,)
        ).fetchone():
            after = str(row[0])
            yield after

    def story(self, point: str, depth: int, known: Collection[tuple[str, int]]) -> list[Told]:
        """The point's first `depth` events to send, in order, without those `known` to have a receipt."""
        rows = self._read.execute(
            "select seq, rank, point, odometer from entry where receipt is null and rank < 2 and point = ?"
            " order by rank, seq",
            (point,),
        )
        return list(islice((told for told in map(self._told, rows) if told.key not in known), depth))

    def crossings(self, limit: int, known: Collection[tuple[str, int]]) -> list[Told]:
        """The first crossings to send, without those `known` to have a receipt."""
        rows = self._read.execute(
            "select seq, rank, '', odometer from entry where receipt is null and rank = 2 order by seq"
        )
        return list(islice((told for told in map(self._told, rows) if told.key not in known), limit))

    def _told(self, row: tuple[int, int, str, float]) -> Told:
        seq, rank_, point, odometer = row
        return Told(self.epoch, seq, Rank(rank_), point, self._opened + odometer - self._odometer)

    def bodies(self, seqs: Sequence[int]) -> list[Waiting]:
        """The entries themselves; raise CorruptError where a body is not what was written."""
        found: list[Waiting] = []
        for seq in seqs:
            row = self._read.execute("select rank, kind, sum, body from entry where seq = ?", (seq,)).fetchone()
            if row is None:
                continue
            body = str(row[3]).encode()
            if zlib.crc32(body) != row[2]:
                raise CorruptError(f"entry {seq} is not what was written")
            found.append(Waiting(self.epoch, seq, Rank(row[0]), str(row[1]), body))
        return found

    def revive(self, first: int, last: int) -> None:
        """Let entries wait again: the server misses them."""
        with self._write:
            self.depth += self._write.execute(
                "update entry set receipt = null where seq between ? and ? and receipt is not null", (first, last)
            ).rowcount

    def prune(self, keep_s: float, most: int) -> int:
        """Forget some acknowledged entries: older than `keep_s`, or beyond `most`; never the last one (its number)."""
        excess = max(0, self.count - most)
        with self._write:
            gone = self._write.execute(
                "delete from entry where seq in (select seq from entry where receipt is not null and seq < ?"
                " and (receipt < ? or ?) order by seq limit ?)",
                (self.last_seq, self.odometer() - keep_s, excess > 0, min(_PRUNED_AT_ONCE, excess or _PRUNED_AT_ONCE)),
            ).rowcount
        self.count -= gone
        return gone

    def oldest_waiting_s(self, known: Collection[tuple[str, int]]) -> float:
        """Age of the oldest entry without a receipt, in seconds of running; those `known` to have one do not count."""
        ages = [self._oldest(rank_, known) for rank_ in Rank]
        return max((self.odometer() - age for age in ages if age is not None), default=0.0)

    def _oldest(self, rank_: Rank, known: Collection[tuple[str, int]]) -> float | None:
        rows = self._read.execute(
            "select seq, odometer from entry where rank = ? and receipt is null order by seq", (rank_,)
        )
        return next((float(odometer) for seq, odometer in rows if (self.epoch, seq) not in known), None)

    def close(self) -> None:
        """Close the file; harmless when closed."""
        self._read.close()
        self._write.close()


def _connect(path: Path | None) -> sqlite3.Connection:
    where = ":memory:" if path is None else str(path)
    return sqlite3.connect(where, timeout=2.0, isolation_level=None, check_same_thread=False)


def _prepare(db: sqlite3.Connection, path: Path | None) -> None:
    """Check the file, then set it up; raise CorruptError for one that is not sound or not ours."""
    try:
        version = int(db.execute("pragma user_version").fetchone()[0])
        if path is not None and path.stat().st_size <= _CHECKED_AT_OPEN_BYTES:
            verdict = str(db.execute("pragma quick_check(1)").fetchone()[0])
            if verdict != "ok":
                raise CorruptError(verdict)
        if version > _VERSION:
            raise NewerError(
                f"{path} is of version {version}, this agent knows {_VERSION}: install the newer agent again"
            )
        db.execute(f"pragma page_size = {_PAGE}")  # of a new file; an older one keeps its own
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = full")
        db.execute("pragma journal_size_limit = 4194304")
        db.execute("pragma cache_size = -512")
        db.executescript(_SCHEMA)
        db.execute(f"pragma user_version = {_VERSION}")
    except sqlite3.DatabaseError as e:
        if is_corrupt(e):
            raise CorruptError(str(e)) from e
        raise


def is_corrupt(error: sqlite3.Error) -> bool:
    """Whether the error says that the file's content is damaged, and not that the disk is full or read-only."""
    return _code(error) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, _NO_CODE}


def is_full(error: sqlite3.Error) -> bool:
    """Whether the error says that the disk is full."""
    return _code(error) == sqlite3.SQLITE_FULL


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; _NO_CODE for what Python itself found, such as text that is no UTF-8."""
    return getattr(error, "sqlite_errorcode", _NO_CODE) & 0xFF
