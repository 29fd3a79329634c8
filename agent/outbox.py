"""The outbox: an event exists once it is committed here, and leaves only by the server's receipt."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from agent.ballast import Ballast
from agent.disk import Folder, why
from agent.store import CorruptError, Entry, Rank, Store, Waiting, is_corrupt, is_full, rank
from config.agent import OutboxSection
from contracts.messages import Value

log = logging.getLogger(__name__)

_AT_ONCE = 1000  # entries in one commit
_QUEUED = 20_000  # entries that wait for the disk, in memory
_IN_MEMORY = 10_000  # entries kept without a disk
_RECEIPTS_LATE_S = 1.0  # receipts may wait so long for a commit: a lost one only means one more delivery
_RECEIPTS_AT_ONCE = 500
_DISK_AGAIN_S = 5.0
_PRUNE_EVERY_S = 60.0


class RefusedError(Exception):
    """The outbox has no room left for this entry."""


class FaultMaker(Protocol):
    """Words the outbox's own trouble as an event."""

    def __call__(self, *, active: bool, reason: str, detail: Mapping[str, Value]) -> Entry: ...


@dataclass(frozen=True, slots=True)
class Health:
    """What the heartbeat says about the outbox."""

    epoch: str
    last_seq: int
    depth: int
    oldest_waiting_s: float
    disk_free_mb: float | None
    refused: int
    trouble: str  # one machine word; empty when well


@dataclass(frozen=True, slots=True)
class _Queued:
    entry: Entry
    done: Future[Entry]


class Outbox:
    """Durable entries. `run` is the one writer; any thread may submit, acknowledge and look."""

    name = "outbox"
    limit_s = 30.0

    def __init__(self, section: OutboxSection, fault: FaultMaker) -> None:
        self._section = section
        self._fault = fault
        self._folder = Folder(section.directory)
        self._ballast = Ballast(section.directory / "ballast", section.reserve_mb)
        self._disk: Store | None = None
        self._memory: Store | None = None
        self._queue: deque[_Queued] = deque()
        self._receipts: set[tuple[str, int]] = set()
        self._receipts_since: float | None = None
        self._revivals: deque[tuple[str, int, int]] = deque()
        self._wake = threading.Condition()
        self._reading = threading.Lock()  # held while a store is read or replaced
        self._trouble = ""
        self._reported: str | None = None
        self._full = False
        self._disk_again = 0.0
        self._checked = 0.0
        self._pruned = time.monotonic()
        self._refused = 0
        self._unreadable: sqlite3.Error | CorruptError | None = None  # left by a reader for the writer to mend
        self._committed: Callable[[], None] = lambda: None

    def open(self) -> None:
        """Take the folder and open the file; raise BusyError or NewerError; a bad disk is trouble only."""
        try:
            self._folder.take()
        except OSError as e:
            self._disk_lost(e)
            return
        self._open_disk()

    def on_commit(self, call: Callable[[], None]) -> None:
        """Have `call` called after each commit, in the writer's thread."""
        self._committed = call

    def submit(self, entry: Entry) -> Future[Entry]:
        """Queue an entry; the future has it with its identity once it is on disk, or a RefusedError."""
        queued = _Queued(entry, Future())
        with self._wake:
            if len(self._queue) >= _QUEUED and rank(entry) is not Rank.ALARM:
                self._refuse(queued, "the disk is too slow")
            else:
                self._queue.append(queued)
                self._wake.notify()
        return queued.done

    def add(self, entry: Entry, timeout_s: float = 10.0) -> Entry:
        """Store an entry; return it with its identity once it is on disk. Raise RefusedError or TimeoutError."""
        return self.submit(entry).result(timeout_s)

    def waiting(self, limit: int) -> list[tuple[str, int]]:
        """(epoch, seq) of the first entries without a receipt, alarms first."""
        with self._wake:
            known = frozenset(self._receipts)
        keys: list[tuple[int, str, int]] = []
        with self._reading:
            for store in (self._disk, self._memory):
                if store is not None and store.depth:
                    try:
                        keys += [(r, store.epoch, s) for r, s in store.waiting(limit, known)]
                    except sqlite3.Error as e:
                        self._unreadable = e
        keys.sort(key=lambda key: key[0])  # stable: seq order stays within a store
        return [(epoch, seq) for _, epoch, seq in keys[:limit]]

    def bodies(self, keys: Sequence[tuple[str, int]]) -> list[Waiting]:
        """The entries of these keys, as far as they are still there."""
        found: list[Waiting] = []
        with self._reading:
            for store in (self._disk, self._memory):
                if store is not None:
                    seqs = [seq for epoch, seq in keys if epoch == store.epoch]
                    try:
                        found += store.bodies(seqs)
                    except (sqlite3.Error, CorruptError) as e:
                        self._unreadable = e
        return found

    def acknowledge(self, epoch: str, seqs: Sequence[int]) -> None:
        """These entries are in the ledger: they need not be sent again."""
        with self._wake:
            store = next((s for s in (self._disk, self._memory) if s is not None and s.epoch == epoch), None)
            if store is None:
                return
            self._receipts.update((epoch, seq) for seq in seqs if 0 < seq <= store.last_seq)
            if self._receipts_since is None:
                self._receipts_since = time.monotonic()
            if len(self._receipts) >= _RECEIPTS_AT_ONCE:
                self._wake.notify()

    def resend(self, epoch: str, first: int, last: int) -> None:
        """Let acknowledged entries wait again, as far as they are still kept."""
        with self._wake:
            self._revivals.append((epoch, first, last))
            self._wake.notify()

    def run(self, beat: Callable[[], None], stop: threading.Event) -> None:
        """Write until stopped and empty."""
        while True:
            beat()
            batch = self._next(stop)
            self._mend()
            if batch:
                self._write(batch)
            self._write_receipts(now=stop.is_set())
            self._keep_house()
            if stop.is_set() and not self._queue:
                return

    def interrupt(self) -> None:
        """Let the writer look at once."""
        with self._wake:
            self._wake.notify()

    def trouble(self) -> str:
        """One machine word for what is wrong with the storage; empty when well."""
        return self._trouble

    def health(self) -> Health:
        """How the outbox is, for the heartbeat."""
        with self._reading:
            store = self._disk or self._memory
            stores = [s for s in (self._disk, self._memory) if s is not None]
            try:
                oldest = max((s.oldest_waiting_s() for s in stores), default=0.0)
            except sqlite3.Error as e:
                self._unreadable, oldest = e, 0.0
            return Health(
                epoch=store.epoch if store else "",
                last_seq=store.last_seq if store else 0,
                depth=sum(s.depth for s in stores) + len(self._queue),
                oldest_waiting_s=oldest,
                disk_free_mb=self._ballast.free_mb(),
                refused=self._refused,
                trouble=self._trouble,
            )

    def close(self) -> None:
        """Close the file and let another process have the folder; call it when `run` has ended."""
        with self._reading:
            for store in (self._disk, self._memory):
                if store is not None:
                    store.close()
            self._disk = self._memory = None
        self._folder.release()

    def _next(self, stop: threading.Event) -> list[_Queued]:
        with self._wake:
            if not self._queue and not self._revivals and not stop.is_set():
                self._wake.wait(_RECEIPTS_LATE_S)
            return [self._queue.popleft() for _ in range(min(_AT_ONCE, len(self._queue)))]

    def _write(self, batch: list[_Queued]) -> None:
        """Bring a batch to disk; what the disk refuses goes to memory, so that it is sent all the same."""
        batch = self._within_bounds(batch)
        first = [q for q in batch if not self._full or rank(q.entry) is Rank.ALARM]
        rest = [q for q in batch if self._full and rank(q.entry) is not Rank.ALARM]
        if first and not self._to_disk(first):
            rest = first + rest
        if rest:
            self._to_memory(rest)
        self._committed()

    def _within_bounds(self, batch: list[_Queued]) -> list[_Queued]:
        depth, most = self._disk.depth if self._disk else 0, self._section.max_entries
        kept: list[_Queued] = []
        for queued in batch:
            if depth + len(kept) < (most * 1.1 if rank(queued.entry) is Rank.ALARM else most):
                kept.append(queued)
            else:
                self._refuse(queued, f"{most} entries wait already (outbox.max_entries)")
        return kept

    def _to_disk(self, batch: list[_Queued]) -> bool:
        for _ in range(2):  # once more after room was made or a damaged file was set aside
            if self._disk is None:
                return False
            try:
                stored = self._disk.commit([q.entry for q in batch], ())
            except sqlite3.DatabaseError as e:
                if is_corrupt(e):
                    self._replace_disk(str(e))
                elif is_full(e) and any(rank(q.entry) is Rank.ALARM for q in batch) and self._ballast.held():
                    self._full = True
                    self._ballast.release()
                else:
                    self._disk_lost(e)
                    return False
            else:
                self._witness(stored)
                self._settle(batch, stored)
                return True
        return False

    def _to_memory(self, batch: list[_Queued]) -> None:
        if self._memory is None:
            memory = Store(None)
            with self._reading:
                self._memory = memory
        room = _IN_MEMORY - self._memory.depth
        kept = [q for q in batch if rank(q.entry) is Rank.ALARM or (room := room - 1) >= 0]
        for queued in batch:
            if queued not in kept:
                self._refuse(queued, "the disk is unusable and the memory is full")
        with self._reading:
            stored = self._memory.commit([q.entry for q in kept], ())
        self._settle(kept, stored)

    def _settle(self, batch: list[_Queued], stored: list[Entry]) -> None:
        for queued, entry in zip(batch, stored, strict=True):
            queued.done.set_result(entry)

    def _refuse(self, queued: _Queued, cause: str) -> None:
        self._refused += 1
        queued.done.set_exception(RefusedError(f"outbox: refused: {cause}"))

    def _witness(self, stored: list[Entry]) -> None:
        if self._section.accepted_log is None:
            return
        lines = "".join(json.dumps({"epoch": e.epoch, "seq": e.seq, "id": e.id}) + "\n" for e in stored)
        log_file = os.open(self._section.accepted_log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            os.write(log_file, lines.encode())
        finally:
            os.close(log_file)

    def _write_receipts(self, *, now: bool) -> None:
        with self._wake:
            revivals = list(self._revivals)
            self._revivals.clear()
            since, count = self._receipts_since, len(self._receipts)
            due = since is not None and (
                now or count >= _RECEIPTS_AT_ONCE or time.monotonic() - since >= _RECEIPTS_LATE_S
            )
            receipts = frozenset(self._receipts) if due or revivals else frozenset[tuple[str, int]]()
        for store in (self._disk, self._memory):
            if store is None:
                continue
            seqs = [seq for epoch, seq in receipts if epoch == store.epoch]
            try:
                if seqs:
                    store.commit([], seqs)
                for epoch, first, last in revivals:
                    if epoch == store.epoch:
                        store.revive(first, last)
            except sqlite3.Error as e:
                self._unreadable = e
                return
        if receipts:
            with self._wake:
                self._receipts -= receipts
                self._receipts_since = time.monotonic() if self._receipts else None
        if revivals:
            self._committed()

    def _mend(self) -> None:
        """Do something about what a reader or the last write ran into."""
        error, self._unreadable = self._unreadable, None
        if error is None:
            return
        if isinstance(error, CorruptError) or (isinstance(error, sqlite3.DatabaseError) and is_corrupt(error)):
            self._replace_disk(str(error))
        elif not is_full(error):
            self._disk_lost(error)

    def _keep_house(self) -> None:
        now = time.monotonic()
        if now - self._checked < _DISK_AGAIN_S:
            return
        self._checked = now
        if self._disk is None and now >= self._disk_again:
            self._open_disk()
        if self._ballast.hold():
            self._full = False
        free = self._ballast.free_mb()
        if self._disk is not None and not self._full:
            low = free is not None and free < self._section.reserve_mb
            self._set_trouble("disk-low" if low else "", f"{free or 0:.1f} MB are free")
        elif self._full:
            self._set_trouble("disk-full", "only alarms are stored")
        if self._disk is not None and now - self._pruned >= _PRUNE_EVERY_S:
            try:
                while self._disk.prune(self._section.keep_days * 86400, self._section.max_entries) and not self._queue:
                    pass
                self._pruned = now
            except sqlite3.Error as e:
                self._unreadable = e

    def _open_disk(self) -> None:
        try:
            disk, damage = self._folder.open()
        except (sqlite3.Error, OSError, CorruptError) as e:
            self._disk_lost(e)
            return
        with self._reading:
            self._disk = disk
        self._ballast.hold()
        if damage:
            self._tell_reset(damage, "", 0)
        self._set_trouble("", "")

    def _replace_disk(self, damage: str) -> None:
        """Set the damaged file aside and go on with another: a new epoch, so that no number is used twice."""
        with self._reading:
            old, self._disk = self._disk, None
            if old is not None:
                old.close()
        try:
            self._folder.set_aside()
        except OSError as e:
            self._disk_lost(e)
            return
        self._open_disk()
        if old is not None:
            self._tell_reset(damage, old.epoch, old.last_seq)

    def _disk_lost(self, error: sqlite3.Error | OSError | CorruptError) -> None:
        """Go on in memory, and try the disk again later."""
        self._disk_again = time.monotonic() + _DISK_AGAIN_S
        word = "corrupt" if isinstance(error, CorruptError) else why(error)
        if word == "disk-full":
            self._full = True
        else:
            with self._reading:
                disk, self._disk = self._disk, None
                if disk is not None:
                    disk.close()
        self._set_trouble(word, str(error))

    def _set_trouble(self, word: str, cause: str) -> None:
        if word == self._reported:
            return
        if word:
            log.error("outbox %s: %s: %s", self._section.directory, word, cause)
        elif self._reported:
            log.warning("outbox %s: is well again", self._section.directory)
        self._trouble = self._reported = word
        self.submit(self._fault(active=bool(word), reason=word or "normal", detail={"cause": cause[:200]}))

    def _tell_reset(self, damage: str, epoch: str, last_seq: int) -> None:
        """A file was set aside: say so, with how far its numbers went, so that the gap is known."""
        detail: dict[str, Value] = {"cause": damage[:200], "epoch": epoch, "last_seq": last_seq}
        self.submit(self._fault(active=True, reason="reset", detail=detail))
        self.submit(self._fault(active=False, reason="normal", detail={}))
