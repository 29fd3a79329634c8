"""Where entries are kept: on disk as long as it can be written, else in memory, so that they are sent all the same."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from agent.ballast import Ballast
from agent.disk import Folder, why
from agent.store import CorruptError, Entry, Rank, Store, Told, Waiting, is_corrupt, is_full, rank
from config.agent import OutboxSection
from contracts.messages import Value

log = logging.getLogger(__name__)

_IN_MEMORY = 10_000  # entries kept without a disk
_ALARMS_IN_MEMORY = 20_000
_DISK_AGAIN_S = 5.0
_PRUNE_EVERY_S = 60.0
_READABLE = ("read-only", "io-error")  # what takes no more may give what it has


class RefusedError(Exception):
    """There is no room left for this entry."""


class FaultMaker(Protocol):
    """Words the storage's own trouble as an event."""

    def __call__(self, *, active: bool, reason: str, detail: Mapping[str, Value]) -> Entry: ...


class Storage:
    """The stores of one outbox. One thread writes; others may read."""

    def __init__(self, section: OutboxSection, fault: FaultMaker) -> None:
        self._section = section
        self._fault = fault
        self._folder = Folder(section.directory)
        self._ballast = Ballast(section.directory / "ballast", section.reserve_mb)
        self._disk: Store | None = None
        self._memory: Store | None = None
        self._left: Store | None = None  # of a disk that takes no more: what waits there is read and sent all the same
        self._left_receipts: set[int] = set()
        self._lock = threading.Lock()  # held while a store is read or replaced, never while the disk works
        self._unreadable: sqlite3.Error | CorruptError | None = None  # left by a reader for the writer to mend
        self._reported: str | None = None
        self._full = False
        self._looked = self._disk_again = 0.0
        self._pruned = time.monotonic()
        self.riding: frozenset[tuple[str, int]] = frozenset()
        """Receipts to be written together with the next entries: the same pages of the disk, once instead of twice."""
        self.rode: frozenset[tuple[str, int]] = frozenset()
        """Those that were."""
        self.faults: deque[Entry] = deque()
        """The storage's own events, for the writer to store like any other."""

    @property
    def trouble(self) -> str:
        """One machine word for what is wrong; empty when well."""
        return self._reported or ""

    @property
    def epoch(self) -> str:
        """The epoch that entries get now."""
        store = self._disk or self._memory
        return store.epoch if store else ""

    @property
    def last_seq(self) -> int:
        """The last number given in that epoch."""
        store = self._disk or self._memory
        return store.last_seq if store else 0

    @property
    def depth(self) -> int:
        """About how many entries have no receipt: one that came twice while the disk was away counts twice."""
        return max(0, sum(store.depth for store in self._stores()) - len(self._left_receipts))

    def free_mb(self) -> float | None:
        """Room on the disk, in MB; None where it cannot be told."""
        return self._ballast.free_mb()

    def last_number(self, epoch: str) -> int:
        """The last number of one epoch; 0 for an epoch that is not ours."""
        return next((store.last_seq for store in self._stores() if store.epoch == epoch), 0)

    def open(self) -> None:
        """Take the folder and open the file; raise BusyError or NewerError. A bad disk is trouble only."""
        try:
            self._folder.take()
        except OSError as e:
            self._lose_disk(e)
            return
        self._open_disk()

    def close(self) -> None:
        """Close the files and let another process have the folder."""
        with self._lock:
            for store in self._stores():
                store.close()
            self._disk = self._memory = self._left = None
        self._folder.release()

    def _stores(self) -> list[Store]:
        return [store for store in (self._disk, self._left, self._memory) if store is not None]

    # reading, from any thread

    def stories(
        self, depth: int, crossings: int, known: frozenset[tuple[str, int]], only: str | None = None
    ) -> list[Told]:
        """Of each point the first `depth` events to send, in the order of acceptance; and the first crossings."""
        found: list[Told] = []
        with self._lock:
            if self._left is not None:
                known |= {(self._left.epoch, seq) for seq in self._left_receipts}
            for store in self._stores():
                if not store.depth:
                    continue
                try:
                    for point in store.points() if only is None else [only]:
                        found += store.story(point, depth, known)
                    found += [] if only else store.crossings(crossings, known)
                except sqlite3.Error as e:
                    self._cannot_read(store, e)
        if self._memory is not None:
            found.sort(key=lambda told: told.accepted_s)  # stable: a store's own order stays
        return found

    def bodies(self, keys: Sequence[tuple[str, int]]) -> list[Waiting]:
        """The entries of these keys, as far as they are still there."""
        found: list[Waiting] = []
        with self._lock:
            for store in self._stores():
                try:
                    found += store.bodies([seq for epoch, seq in keys if epoch == store.epoch])
                except (sqlite3.Error, CorruptError) as e:
                    self._cannot_read(store, e)
        return found

    def _cannot_read(self, store: Store, error: sqlite3.Error | CorruptError) -> None:
        """Leave it for the writer; what a dead disk no longer gives waits for its return."""
        if store is self._left:
            self._leave(None)
        else:
            self._unreadable = error

    def oldest_waiting_s(self, known: frozenset[tuple[str, int]]) -> float:
        """Age of the oldest entry without a receipt, not counting those `known` to have one."""
        with self._lock:
            try:
                return max((s.oldest_waiting_s(known) for s in self._stores() if s is not self._left), default=0.0)
            except sqlite3.Error as e:
                self._unreadable = e
                return 0.0

    # writing, from the one writer

    def write(self, entries: Sequence[Entry]) -> list[Entry | RefusedError]:
        """Store each entry, or refuse it; in order."""
        self._mend()
        outcome: dict[str, Entry | RefusedError] = {}
        for group in self._groups(self._within_bounds(entries, outcome)):
            stored = self._to_disk(group) if group and self._may_use_disk(group) else None
            for entry in stored if stored is not None else self._to_memory(group, outcome):
                outcome[entry.id] = entry
        return [outcome[entry.id] for entry in entries]

    def _groups(self, entries: list[Entry]) -> tuple[list[Entry], ...]:
        """On a full disk alarms go apart: the room that is left is theirs."""
        if not self._full:
            return (entries,)
        alarms = [entry for entry in entries if rank(entry) is Rank.ALARM]
        return alarms, [entry for entry in entries if rank(entry) is not Rank.ALARM]

    def _may_use_disk(self, group: Sequence[Entry]) -> bool:
        return not self._full or rank(group[0]) is Rank.ALARM

    def _within_bounds(self, entries: Sequence[Entry], outcome: dict[str, Entry | RefusedError]) -> list[Entry]:
        depth, most = self._disk.depth if self._disk else 0, self._section.max_entries
        kept: list[Entry] = []
        for entry in entries:
            if depth + len(kept) < (most * 1.1 if rank(entry) is Rank.ALARM else most):
                kept.append(entry)
            else:
                outcome[entry.id] = RefusedError(f"outbox: {most} entries wait already (outbox.max_entries)")
        return kept

    def _to_disk(self, entries: Sequence[Entry]) -> list[Entry] | None:
        for _ in range(3):  # again after room was made, or a damaged file was set aside
            if self._disk is None:
                return None
            riding = frozenset(key for key in self.riding if key[0] == self._disk.epoch and not self._full)
            try:
                stored = self._disk.commit(entries, [seq for _, seq in riding])
            except sqlite3.Error as e:
                if is_corrupt(e):
                    self._replace_disk(str(e))
                elif is_full(e) and self._ballast.held() and any(rank(entry) is Rank.ALARM for entry in entries):
                    self._ballast.release()
                    self._lose_disk(e)
                else:
                    self._lose_disk(e)
                    return None
            else:
                self.rode, self.riding = self.rode | riding, self.riding - riding
                self._folder.mark(self._disk.epoch, self._disk.last_seq)
                self._witness(stored)
                return stored
        return None

    def _to_memory(self, entries: Sequence[Entry], outcome: dict[str, Entry | RefusedError]) -> list[Entry]:
        if not entries:
            return []
        if self._memory is None:
            memory = Store(None)
            with self._lock:
                self._memory = memory
        kept: list[Entry] = []
        for entry in entries:
            most = _ALARMS_IN_MEMORY if rank(entry) is Rank.ALARM else _IN_MEMORY
            if self._memory.depth + len(kept) < most:
                kept.append(entry)
            else:
                outcome[entry.id] = RefusedError("outbox: the disk cannot be written and the memory is full")
        with self._lock:
            return self._memory.commit(kept, ())

    def _witness(self, stored: Sequence[Entry]) -> None:
        """Write down what is accepted, for a fault test to hold against the ledger."""
        if self._section.accepted_log is None:
            return
        at = time.time()
        lines = "".join(json.dumps({"epoch": e.epoch, "seq": e.seq, "id": e.id, "at": at}) + "\n" for e in stored)
        file = os.open(self._section.accepted_log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            os.write(file, lines.encode())
        finally:
            os.close(file)

    def acknowledge(self, receipts: frozenset[tuple[str, int]], revivals: Iterable[tuple[str, int, int]]) -> bool:
        """Note receipts, and let entries wait again that the server misses; False when the disk refuses for now."""
        for store in self._stores():
            seqs = [seq for epoch, seq in receipts if epoch == store.epoch]
            asked = [(first, last) for epoch, first, last in revivals if epoch == store.epoch]
            if store is self._left:
                with self._lock:
                    self._left_receipts.update(seqs)  # written when its disk is back
                continue
            try:
                if store is self._memory:
                    with self._lock:
                        _note(store, seqs, asked)
                else:
                    _note(store, seqs, asked)
            except sqlite3.Error as e:
                self._unreadable = e
                return False
        return True

    def keep_house(self) -> None:
        """Every few seconds: look at the disk, try a lost one again, forget what is old."""
        now = time.monotonic()
        if now - self._looked < _DISK_AGAIN_S:
            return
        self._looked = now
        self._mend()
        if self._disk is None and now >= self._disk_again:
            self.open() if not self._folder.taken else self._open_disk()
        if self._disk is None:
            return
        if self._ballast.hold():
            self._full = False
        free = self._ballast.free_mb() or 0.0
        if self._full:
            self._report("disk-full", "only alarms are stored")
        else:
            self._report("disk-low" if free < self._section.reserve_mb else "", f"{free:.1f} MB are free")
        if now - self._pruned >= _PRUNE_EVERY_S:
            self._prune(self._disk)

    def _prune(self, disk: Store) -> None:
        try:
            if not disk.prune(self._section.keep_days * 86400, self._section.max_entries):
                self._pruned = time.monotonic()
        except sqlite3.Error as e:
            self._unreadable = e

    def _mend(self) -> None:
        """Do something about what a reader or the last write ran into."""
        error, self._unreadable = self._unreadable, None
        if isinstance(error, CorruptError) or (error is not None and is_corrupt(error)):
            self._replace_disk(str(error))
        elif error is not None:
            self._lose_disk(error)

    def _open_disk(self) -> None:
        try:
            disk, damage = self._folder.open()
        except (sqlite3.Error, OSError, CorruptError) as e:
            self._lose_disk(e)
            return
        if not self._catch_up(disk):
            return
        with self._lock:
            self._disk = disk
        self._ballast.hold()
        if damage:
            self._tell_reset(damage, None)
        self._report("", "")

    def _catch_up(self, disk: Store) -> bool:
        """Note on a disk that is back what was received while it could only be read."""
        if self._left is not None and self._left.epoch == disk.epoch and self._left_receipts:
            try:
                disk.commit([], sorted(self._left_receipts))
            except sqlite3.Error as e:
                disk.close()
                self._lose_disk(e)
                return False
        with self._lock:
            self._leave(None)
        return True

    def _leave(self, store: Store | None) -> None:
        """Keep a store for reading alone, or the one kept so no longer."""
        if self._left is not None:
            self._left.close()
        self._left, self._left_receipts = store, set()

    def _replace_disk(self, damage: str) -> None:
        """Set the damaged file aside and go on with another: a new epoch, so that no number is used twice."""
        with self._lock:
            old, self._disk = self._disk, None
            if old is not None:
                old.close()
        try:
            self._folder.set_aside()
        except OSError as e:
            self._lose_disk(e)
            return
        self._open_disk()
        self._tell_reset(damage, old)

    def _lose_disk(self, error: sqlite3.Error | OSError | CorruptError) -> None:
        """Go on without, and try again later; a full disk stays open, for alarms."""
        word = "corrupt" if isinstance(error, CorruptError) else why(error)
        if word == "disk-full":
            self._full = True
        else:
            self._disk_again = time.monotonic() + _DISK_AGAIN_S
            with self._lock:
                disk, self._disk = self._disk, None
                if disk is not None and word in _READABLE:
                    self._leave(disk)
                elif disk is not None:
                    disk.close()
        self._report(word, str(error))

    def _report(self, word: str, cause: str) -> None:
        """Say once that something is wrong, and once that it is well; the first state is said too."""
        if word == self._reported:
            return
        if word:
            log.error("outbox %s: %s: %s", self._section.directory, word, cause)
        elif self._reported:
            log.warning("outbox %s: is well again", self._section.directory)
        self._reported = word
        detail: dict[str, Value] = {"cause": cause[:200]} if word else {}
        self.faults.append(self._fault(active=bool(word), reason=word or "normal", detail=detail))

    def _tell_reset(self, damage: str, old: Store | None) -> None:
        """A file was set aside: say so, with how far its numbers went, so that the gap is known."""
        detail: dict[str, Value] = {"cause": damage[:200]}
        if old is not None:
            detail |= {"epoch": old.epoch, "last_seq": old.last_seq, "waiting": old.depth}
        self.faults.append(self._fault(active=True, reason="reset", detail=detail))
        self.faults.append(self._fault(active=False, reason="normal", detail={}))


def _note(store: Store, seqs: Sequence[int], revivals: Iterable[tuple[int, int]]) -> None:
    if seqs:
        store.commit([], seqs)
    for first, last in revivals:
        store.revive(first, last)
