"""The stores of one outbox: its disk, its memory, and a disk that takes no more; read from any thread."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Sequence

from agent.store import CorruptError, Entry, Store, Told, Waiting


class Stores:
    """Which stores there are. One thread changes them; others may read what waits."""

    def __init__(self) -> None:
        self.disk: Store | None = None
        self.memory: Store | None = None
        self.left: Store | None = None  # of a disk that takes no more: what waits there is read and sent all the same
        self.left_receipts: set[int] = set()
        self.lock = threading.Lock()  # held while a store is read or replaced, never while the disk works
        self.unreadable: sqlite3.Error | CorruptError | None = None  # left by a reader for the writer to mend

    @property
    def epoch(self) -> str:
        """The epoch that entries get now."""
        store = self.disk or self.memory
        return store.epoch if store else ""

    @property
    def last_seq(self) -> int:
        """The last number given in that epoch."""
        store = self.disk or self.memory
        return store.last_seq if store else 0

    @property
    def depth(self) -> int:
        """About how many entries have no receipt: one that came twice while the disk was away counts twice."""
        return max(0, sum(store.depth for store in self._all()) - len(self.left_receipts))

    def last_number(self, epoch: str) -> int:
        """The last number of one epoch; 0 for an epoch that is not ours."""
        return next((store.last_seq for store in self._all() if store.epoch == epoch), 0)

    def close(self) -> None:
        """Close the files."""
        with self.lock:
            for store in self._all():
                store.close()
            self.disk = self.memory = self.left = None

    def _all(self) -> list[Store]:
        return [store for store in (self.disk, self.left, self.memory) if store is not None]

    # from any thread

    def stories(
        self, depth: int, crossings: int, known: frozenset[tuple[str, int]], only: str | None = None
    ) -> list[Told]:
        """Of each point the first `depth` events to send, in the order of acceptance; and the first crossings."""
        found: list[Told] = []
        with self.lock:
            if self.left is not None:
                known |= {(self.left.epoch, seq) for seq in self.left_receipts}
            for store in self._all():
                if not store.depth:
                    continue
                try:
                    for point in store.points() if only is None else [only]:
                        found += store.story(point, depth, known)
                    found += [] if only else store.crossings(crossings, known)
                except sqlite3.Error as e:
                    self._cannot_read(store, e)
        if self.memory is not None:
            found.sort(key=lambda told: told.accepted_s)  # stable: a store's own order stays
        return found

    def bodies(self, keys: Sequence[tuple[str, int]]) -> list[Waiting]:
        """The entries of these keys, as far as they are still there."""
        found: list[Waiting] = []
        with self.lock:
            for store in self._all():
                try:
                    found += store.bodies([seq for epoch, seq in keys if epoch == store.epoch])
                except (sqlite3.Error, CorruptError) as e:
                    self._cannot_read(store, e)
        return found

    def oldest_waiting_s(self, known: frozenset[tuple[str, int]]) -> float:
        """Age of the oldest entry without a receipt, not counting those `known` to have one."""
        with self.lock:
            try:
                return max((s.oldest_waiting_s(known) for s in self._all() if s is not self.left), default=0.0)
            except sqlite3.Error as e:
                self.unreadable = e
                return 0.0

    def _cannot_read(self, store: Store, error: sqlite3.Error | CorruptError) -> None:
        """Leave it for the writer; what a dead disk no longer gives waits for its return."""
        if store is self.left:
            self.leave(None)
        else:
            self.unreadable = error

    # from the one writer

    def keep_in_memory(self, entries: Sequence[Entry]) -> list[Entry]:
        """Keep entries without a disk."""
        memory = self.memory or Store(None)
        with self.lock:
            self.memory = memory
            return memory.commit(entries, ())

    def acknowledge(self, receipts: frozenset[tuple[str, int]], revivals: Iterable[tuple[str, int, int]]) -> bool:
        """Note receipts, and let entries wait again that the server misses; False when the disk refuses for now."""
        for store in self._all():
            seqs = [seq for epoch, seq in receipts if epoch == store.epoch]
            asked = [(first, last) for epoch, first, last in revivals if epoch == store.epoch]
            if store is self.left:
                with self.lock:
                    self.left_receipts.update(seqs)  # written when its disk is back
                continue
            try:
                if store is self.memory:
                    with self.lock:
                        _note(store, seqs, asked)
                else:
                    _note(store, seqs, asked)
            except sqlite3.Error as e:
                self.unreadable = e
                return False
        return True

    def leave(self, store: Store | None) -> None:
        """Keep a store for reading alone, or the one kept so no longer; under the lock."""
        if self.left is not None:
            self.left.close()
        self.left, self.left_receipts = store, set()


def _note(store: Store, seqs: Sequence[int], revivals: Iterable[tuple[int, int]]) -> None:
    if seqs:
        store.commit([], seqs)
    for first, last in revivals:
        store.revive(first, last)
