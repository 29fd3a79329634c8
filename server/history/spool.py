"""What waits on disk for a history server: lines in small files, oldest first, bounded.

A file that is here has perhaps not been written yet; to write it again changes nothing. One that was taken stays for a
while, because some servers lose the last seconds they acknowledged when they are killed: `rewind` sends it again.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from server.errors import ServerError

SEGMENT_BYTES = 500_000  # some seven thousand readings: what a server takes at once
LINGER_S = 0.25  # how long the newest file is added to before it is sent
LEAST_FREE_MB = 1_000.0  # the disk is the ledger's first
_SUFFIX = ".lines"


@dataclass(slots=True, eq=False)
class Segment:
    """One file of lines, by its number; `since_s` is the monotonic second of its first."""

    n: int
    file: Path
    lines: int
    size: int
    since_s: float
    taken_s: float = 0.0

    def read(self) -> bytes:
        """Return its lines."""
        return self.file.read_bytes()


@dataclass(slots=True)
class Spool:
    """Added to by one thread, sent by another. The folder is this process's own."""

    folder: Path
    most_bytes: int
    settle_s: float = 30.0
    mono_s: Callable[[], float] = time.monotonic
    _waiting: deque[Segment] = field(default_factory=deque[Segment])
    _settling: deque[Segment] = field(default_factory=deque[Segment])
    _open: Segment | None = None  # the last of `_waiting` while it is added to
    _fd: int = -1
    _next: int = 1
    _size: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def load(self) -> None:
        """Take over what an earlier run left, without a last line it did not finish."""
        with self._lock:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                for file in sorted(self.folder.glob(f"*{_SUFFIX}")):
                    self._take_over(file)
            except (OSError, ValueError) as e:
                raise ServerError(f"history spool {self.folder}: {e}") from e

    def append(self, lines: bytes, count: int) -> int:
        """Keep `count` lines; return how many older ones had to go for them. Raise ServerError where nothing fits."""
        with self._lock:
            try:
                dropped = self._make_room(len(lines))
                segment = self._opened()
                _write_whole(self._fd, lines, segment.size)
            except OSError as e:
                raise ServerError(f"history spool {self.folder}: {e.strerror or e}") from e
            segment.lines += count
            segment.size += len(lines)
            self._size += len(lines)
            if segment.size >= SEGMENT_BYTES:
                self._finish()
            return dropped

    def oldest(self) -> Segment | None:
        """Return what is to be sent first; None where nothing is, or it is still added to."""
        with self._lock:
            if not self._waiting:
                return None
            first = self._waiting[0]
            if first is self._open:
                if self.mono_s() - first.since_s < LINGER_S:
                    return None
                self._finish()
            return first

    def taken(self, segment: Segment) -> None:
        """Say that the server took a segment; what was taken long enough ago is deleted."""
        with self._lock:
            now_s = self.mono_s()
            if segment in self._waiting:  # else it had to make room meanwhile
                self._waiting.remove(segment)
                segment.taken_s = now_s
                self._settling.append(segment)
            while self._settling and now_s - self._settling[0].taken_s >= self.settle_s:
                self._delete(self._settling.popleft())

    def rewind(self) -> int:
        """Send again what was taken lately; return how many lines that is."""
        with self._lock:
            again = sum(segment.lines for segment in self._settling)
            self._waiting.extendleft(reversed(self._settling))
            self._settling.clear()
            return again

    @property
    def newest(self) -> int:
        """The number of the file that was begun last."""
        with self._lock:
            return self._next - 1

    def all_taken(self, n: int) -> bool:
        """Tell whether the server has all files up to a number."""
        with self._lock:
            return all(segment.n > n for segment in self._waiting)

    @property
    def waiting_bytes(self) -> int:
        """How much is not taken yet."""
        with self._lock:
            return sum(segment.size for segment in self._waiting)

    @property
    def behind_s(self) -> float:
        """How long the oldest line that is not taken has waited."""
        with self._lock:
            return self.mono_s() - self._waiting[0].since_s if self._waiting else 0.0

    def close(self) -> None:
        """Finish the file that is added to; may be called twice."""
        with self._lock:
            self._finish()

    def _take_over(self, file: Path) -> None:
        self._next = max(self._next, int(file.name.removesuffix(_SUFFIX)) + 1)
        content = file.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(file, whole)
        if not whole:
            file.unlink()
            return
        n = int(file.name.removesuffix(_SUFFIX))
        self._waiting.append(Segment(n, file, content.count(b"\n"), whole, self.mono_s()))
        self._size += whole

    def _opened(self) -> Segment:
        if self._open is None:
            file = self.folder / f"{self._next:012d}{_SUFFIX}"
            self._fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self._open = Segment(self._next, file, 0, 0, self.mono_s())
            self._next += 1
            self._waiting.append(self._open)
        return self._open

    def _finish(self) -> None:
        if self._open is not None:
            os.close(self._fd)
            self._open, self._fd = None, -1

    def _make_room(self, more: int) -> int:
        """Delete what is oldest until `more` bytes fit; return how many lines had not been taken."""
        dropped = 0
        low = self._open is None and shutil.disk_usage(self.folder).free < LEAST_FREE_MB * 2**20
        while (self._size + more > self.most_bytes or low) and (self._settling or self._waiting):
            low = False
            if self._settling:
                self._delete(self._settling.popleft())
                continue
            oldest = self._waiting.popleft()
            if oldest is self._open:
                self._finish()
            dropped += oldest.lines
            self._delete(oldest)
        return dropped

    def _delete(self, segment: Segment) -> None:
        segment.file.unlink(missing_ok=True)
        self._size -= segment.size


def _write_whole(fd: int, lines: bytes, size: int) -> None:
    """Write all of it, or leave the file as long as it was."""
    try:
        view = memoryview(lines)
        while view:
            view = view[os.write(fd, view) :]
    except OSError:
        os.ftruncate(fd, size)
        os.lseek(fd, size, os.SEEK_SET)
        raise
