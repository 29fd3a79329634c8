"""Where entries are kept: on disk as long as it can be written, else in memory, so that they are sent all the same."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence

from agent.ballast import Ballast
from agent.disk import Folder, why
from agent.store import CorruptError, Entry, Rank, Store, is_corrupt, is_full, rank
from agent.stores import Stores
from agent.trouble import FaultMaker, Trouble
from agent.witness import witness
from config.agent import OutboxSection

_IN_MEMORY = 10_000  # entries kept without a disk
_ALARMS_IN_MEMORY = 20_000
_DISK_AGAIN_S = 5.0
_PRUNE_EVERY_S = 60.0
_READABLE = ("read-only", "io-error")  # what takes no more may give what it has


class RefusedError(Exception):
    """There is no room left for this entry."""


class Storage:
    """Writes to the stores of one outbox and keeps them. All of it is the one writer's; others read `stores`."""

    def __init__(self, section: OutboxSection, fault: FaultMaker) -> None:
        self._section = section
        self._folder = Folder(section.directory)
        self._ballast = Ballast(section.directory / "ballast", section.reserve_mb)
        self._full = False
        self._looked = self._disk_again = 0.0
        self._pruned = time.monotonic()
        self.stores = Stores()
        self.trouble = Trouble(section.directory, fault)
        self.riding: frozenset[tuple[str, int]] = frozenset()
        """Receipts to be written together with the next entries: the same pages of the disk, once instead of twice."""
        self.rode: frozenset[tuple[str, int]] = frozenset()
        """Those that were."""

    def free_mb(self) -> float | None:
        """Room on the disk, in MB; None where it cannot be told."""
        return self._ballast.free_mb()

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
        self.stores.close()
        self._folder.release()

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
        depth, most = self.stores.disk.depth if self.stores.disk else 0, self._section.max_entries
        kept: list[Entry] = []
        for entry in entries:
            if depth + len(kept) < (most * 1.1 if rank(entry) is Rank.ALARM else most):
                kept.append(entry)
            else:
                outcome[entry.id] = RefusedError(f"outbox: {most} entries wait already (outbox.max_entries)")
        return kept

    def _to_disk(self, entries: Sequence[Entry]) -> list[Entry] | None:
        for _ in range(3):  # again after room was made, or a damaged file was set aside
            if self.stores.disk is None:
                return None
            riding = frozenset(key for key in self.riding if key[0] == self.stores.disk.epoch and not self._full)
            try:
                stored = self.stores.disk.commit(entries, [seq for _, seq in riding])
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
                self._folder.mark(self.stores.disk.epoch, self.stores.disk.last_seq)
                witness(self._section.accepted_log, stored)
                return stored
        return None

    def _to_memory(self, entries: Sequence[Entry], outcome: dict[str, Entry | RefusedError]) -> list[Entry]:
        if not entries:
            return []
        depth = self.stores.memory.depth if self.stores.memory is not None else 0
        kept: list[Entry] = []
        for entry in entries:
            if depth + len(kept) < (_ALARMS_IN_MEMORY if rank(entry) is Rank.ALARM else _IN_MEMORY):
                kept.append(entry)
            else:
                outcome[entry.id] = RefusedError("outbox: the disk cannot be written and the memory is full")
        return self.stores.keep_in_memory(kept)

    def keep_house(self) -> None:
        """Every few seconds: look at the disk, try a lost one again, forget what is old."""
        now = time.monotonic()
        if now - self._looked < _DISK_AGAIN_S:
            return
        self._looked = now
        self._mend()
        if self.stores.disk is None and now >= self._disk_again:
            self.open() if not self._folder.taken else self._open_disk()
        if self.stores.disk is None:
            return
        if self._ballast.hold():
            self._full = False
        free = self._ballast.free_mb() or 0.0
        if self._full:
            self.trouble.report("disk-full", "only alarms are stored")
        else:
            self.trouble.report("disk-low" if free < self._section.reserve_mb else "", f"{free:.1f} MB are free")
        if now - self._pruned >= _PRUNE_EVERY_S:
            self._prune(self.stores.disk)

    def _prune(self, disk: Store) -> None:
        try:
            if not disk.prune(self._section.keep_days * 86400, self._section.max_entries):
                self._pruned = time.monotonic()
        except sqlite3.Error as e:
            self.stores.unreadable = e

    def _mend(self) -> None:
        """Do something about what a reader or the last write ran into."""
        error, self.stores.unreadable = self.stores.unreadable, None
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
        with self.stores.lock:
            self.stores.disk = disk
        self._ballast.hold()
        if damage:
            self.trouble.report_reset(damage, None)
        self.trouble.report("", "")

    def _catch_up(self, disk: Store) -> bool:
        """Note on a disk that is back what was received while it could only be read."""
        if self.stores.left is not None and self.stores.left.epoch == disk.epoch and self.stores.left_receipts:
            try:
                disk.commit([], sorted(self.stores.left_receipts))
            except sqlite3.Error as e:
                disk.close()
                self._lose_disk(e)
                return False
        with self.stores.lock:
            self.stores.leave(None)
        return True

    def _replace_disk(self, damage: str) -> None:
        """Set the damaged file aside and go on with another: a new epoch, so that no number is used twice."""
        with self.stores.lock:
            old, self.stores.disk = self.stores.disk, None
            if old is not None:
                old.close()
        try:
            self._folder.set_aside()
        except OSError as e:
            self._lose_disk(e)
            return
        self._open_disk()
        self.trouble.report_reset(damage, old)

    def _lose_disk(self, error: sqlite3.Error | OSError | CorruptError) -> None:
        """Go on without, and try again later; a full disk stays open, for alarms."""
        word = "corrupt" if isinstance(error, CorruptError) else why(error)
        if word == "disk-full":
            self._full = True
        else:
            self._disk_again = time.monotonic() + _DISK_AGAIN_S
            with self.stores.lock:
                disk, self.stores.disk = self.stores.disk, None
                if disk is not None and word in _READABLE:
                    self.stores.leave(disk)
                elif disk is not None:
                    disk.close()
        self.trouble.report(word, str(error))
