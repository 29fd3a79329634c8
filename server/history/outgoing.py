"""The way to a history server: samples become lines on this disk, and a thread takes them on."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from server.history.lines import Lines, touch
from server.history.sender import Sender
from server.history.series import Sample
from server.history.spool import Spool
from server.metrics import Metrics

AWAY_S = 60.0  # so long not written is a fault that a person is told of
TOLD_S = 600.0  # how long that something was dropped is told


@dataclass(slots=True)
class Outgoing:
    """Written by one thread; `touches` belongs to who holds `lock`."""

    spool: Spool
    sender: Sender
    metrics: Metrics
    texts: bool = True
    """Whether the server keeps texts; else they are holes."""
    marks: bool = True
    """Whether hours are rolled up here, so that it must be known which changed."""
    touches: dict[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])
    """(site, hour) that were marked with a token and are not rolled up yet."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    _lines: Lines = field(default_factory=Lines)
    _dropped_s: float = float("-inf")

    def start(self) -> None:
        """Begin to send, first what an earlier run left."""
        self.spool.load()
        self.sender.start()

    def write(self, samples: Sequence[Sample]) -> int:
        """Keep samples on disk; return how many older ones had to go for them."""
        if not samples:
            return 0
        if not self.texts:
            samples = [one._replace(value=None) if isinstance(one.value, str) else one for one in samples]
        with self.lock:
            written, hours = self._lines.of(samples)
            marked = {one: time.time_ns() for one in hours - self.touches.keys()} if self.marks else {}
            text = "\n".join([*(touch(*one, token) for one, token in marked.items()), *written, ""])
            dropped = self.spool.append(text.encode(), len(written) + len(marked))
            self.touches |= marked
        if dropped:
            self._dropped_s = time.monotonic()
        return dropped

    def trouble(self) -> str:
        """Say why a person should look; empty where nobody need."""
        now_s = time.monotonic()
        if now_s - self._dropped_s < TOLD_S:
            return "history-dropping"
        since_s = self.sender.away_since_s
        return "history-away" if since_s is not None and now_s - since_s > AWAY_S else ""

    def close(self) -> None:
        """Send what can be sent in a moment; the rest stays on disk. May be called twice."""
        self.sender.close()
        self.spool.close()
