"""The outbox: an event exists once it is committed here, and leaves only by the server's receipt."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from agent.storage import RefusedError, Storage
from agent.store import Entry, Rank, Told, Waiting, rank
from agent.trouble import FaultMaker
from config.agent import OutboxSection

log = logging.getLogger(__name__)

_AT_ONCE = 1000  # entries in one commit
_QUEUED = 20_000  # entries that wait for the disk, in memory
_TURN_S = 1.0
_RECEIPTS_LATE_S = 30.0  # receipts may wait so long for a commit: a lost one only means one more delivery
_RECEIPTS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Health:
    """What the heartbeat says about the outbox."""

    epoch: str
    last_seq: int
    depth: int
    oldest_waiting_s: float
    disk_free_mb: float | None
    refused: int


@dataclass(frozen=True, slots=True)
class _Queued:
    entry: Entry
    done: Future[Entry]


class Outbox:
    """Durable entries. `run` is the one writer; any thread may submit, acknowledge and look."""

    name = "outbox"
    limit_s = 30.0

    def __init__(self, section: OutboxSection, fault: FaultMaker) -> None:
        self._storage = Storage(section, fault)
        self._queue: deque[_Queued] = deque()
        self._receipts: set[tuple[str, int]] = set()
        self._receipts_since: float | None = None
        self._revivals: deque[tuple[str, int, int]] = deque()
        self._wake = threading.Condition()
        self._refused = 0
        self.changes = 0
        """Grows when what waits has become more."""
        self._committed: Callable[[], None] = _nothing

    def open(self) -> None:
        """Take the folder and open the file; raise BusyError or NewerError. A bad disk is trouble only."""
        self._storage.open()

    def close(self) -> None:
        """Close the file and let another process have the folder; call it when `run` has ended."""
        self._storage.close()

    def on_commit(self, call: Callable[[], None]) -> None:
        """Have `call` called after each commit, in the writer's thread."""
        self._committed = call

    def submit(self, entry: Entry) -> Future[Entry]:
        """Queue an entry; the future has it with its identity once it is on disk, or a RefusedError."""
        queued = _Queued(entry, Future())
        with self._wake:
            if len(self._queue) >= _QUEUED and rank(entry) is not Rank.ALARM:
                self._refused += 1
                queued.done.set_exception(RefusedError("outbox: refused: the disk is too slow"))
            else:
                self._queue.append(queued)
                self._wake.notify()
        return queued.done

    def add(self, entry: Entry, timeout_s: float = 10.0) -> Entry:
        """Store an entry; return it with its identity once it is on disk. Raise RefusedError or TimeoutError."""
        return self.submit(entry).result(timeout_s)

    def stories(self, depth: int, crossings: int, only: str | None = None) -> list[Told]:
        """Of each point the first `depth` events without a receipt, each point's in order; and the first crossings.

        `only` names one point, or by the empty word the crossings.
        """
        with self._wake:
            known = frozenset(self._receipts)
        return self._storage.stores.stories(depth, crossings, known, only)

    def bodies(self, keys: Sequence[tuple[str, int]]) -> list[Waiting]:
        """The entries of these keys, in their order, as far as they are still there."""
        found = {(entry.epoch, entry.seq): entry for entry in self._storage.stores.bodies(keys)} if keys else {}
        return [found[key] for key in keys if key in found]

    def acknowledge(self, epoch: str, seqs: Sequence[int]) -> None:
        """These entries are in the ledger. Numbers that were never given, and others' epochs, are ignored."""
        last = self._storage.stores.last_number(epoch)
        with self._wake:
            self._receipts.update((epoch, seq) for seq in seqs if 0 < seq <= last)
            if self._receipts and self._receipts_since is None:
                self._receipts_since = time.monotonic()
            if len(self._receipts) >= _RECEIPTS_AT_ONCE:
                self._wake.notify()

    def resend(self, epoch: str, first: int, last: int) -> None:
        """Let acknowledged entries wait again, as far as they are still kept."""
        with self._wake:
            self._revivals.append((epoch, first, last))
            self._wake.notify()

    @property
    def epoch(self) -> str:
        """The epoch that entries get now."""
        return self._storage.stores.epoch

    def empty(self) -> bool:
        """Whether the server has everything."""
        return not self._queue and self._storage.stores.depth <= len(self._receipts)

    def health(self) -> Health:
        """How the outbox is, for the heartbeat."""
        stores = self._storage.stores
        with self._wake:
            known = frozenset(self._receipts)
        return Health(
            epoch=stores.epoch,
            last_seq=stores.last_seq,
            depth=max(0, stores.depth - len(known)) + len(self._queue),
            oldest_waiting_s=stores.oldest_waiting_s(known),
            disk_free_mb=self._storage.free_mb(),
            refused=self._refused,
        )

    def trouble(self) -> str:
        """What is wrong, in a few words; empty when well."""
        words = [self._storage.trouble.word] if self._storage.trouble.word else []
        if self._refused:
            words.append(f"{self._refused} entries were refused")
        return ", ".join(words)

    def interrupt(self) -> None:
        """Let the writer look at once."""
        with self._wake:
            self._wake.notify()

    def run(self, beat: Callable[[], None], stop: threading.Event) -> None:
        """Write until stopped and empty."""
        while True:
            beat()
            ending = stop.is_set()
            batch = self._next(stop)
            if batch:
                self._write(batch)
            self._write_receipts(now=ending)
            self._storage.keep_house()
            while self._storage.trouble.faults:
                self.submit(self._storage.trouble.faults.popleft())
            if ending and not self._queue:
                return

    def _next(self, stop: threading.Event) -> list[_Queued]:
        with self._wake:
            if not (self._queue or self._revivals or self._storage.trouble.faults or stop.is_set()):
                self._wake.wait(_TURN_S)
            return [self._queue.popleft() for _ in range(min(_AT_ONCE, len(self._queue)))]

    def _write(self, batch: Sequence[_Queued]) -> None:
        with self._wake:
            self._storage.riding, self._storage.rode = frozenset(self._receipts), frozenset()
        try:
            outcome = self._storage.write([queued.entry for queued in batch])
        except Exception:  # a bug that one entry meets must not cost the others, nor be met again for ever
            log.exception("outbox: a bug in writing %d entries; each is tried alone", len(batch))
            outcome = [self._write_alone(queued.entry) for queued in batch]
        with self._wake:
            self._forget_receipts(self._storage.rode)
        for queued, result in zip(batch, outcome, strict=True):
            if isinstance(result, RefusedError):
                self._refused += 1
                queued.done.set_exception(result)
            else:
                queued.done.set_result(result)
        self._tell()

    def _write_alone(self, entry: Entry) -> Entry | RefusedError:
        try:
            return self._storage.write([entry])[0]
        except Exception as e:  # noqa: BLE001 - told to whoever asked, and counted: a fault on the wall
            return RefusedError(f"outbox: refused: {type(e).__name__}: {e}")

    def _write_receipts(self, *, now: bool) -> None:
        with self._wake:
            revivals = list(self._revivals)
            since, count = self._receipts_since, len(self._receipts)
            due = since is not None and (
                now or count >= _RECEIPTS_AT_ONCE or time.monotonic() - since >= _RECEIPTS_LATE_S
            )
            receipts = frozenset(self._receipts) if due or revivals else frozenset[tuple[str, int]]()
        if not (receipts or revivals) or not self._storage.stores.acknowledge(receipts, revivals):
            return
        with self._wake:
            self._forget_receipts(receipts)
            for _ in revivals:
                self._revivals.popleft()
        if revivals:
            self._tell()

    def _forget_receipts(self, written: frozenset[tuple[str, int]]) -> None:
        self._receipts -= written
        if written:
            self._receipts_since = time.monotonic() if self._receipts else None

    def _tell(self) -> None:
        self.changes += 1
        self._committed()


def _nothing() -> None:
    """Do nothing: nobody wants to be told yet."""
