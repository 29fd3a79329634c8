"""The thread that takes what waits on disk to the history server, and waits longer and longer while that is away."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from server.errors import ServerError
from server.history.endpoint import Endpoint, TooLargeError
from server.history.spool import Segment, Spool
from server.metrics import Metrics

RESTS_S: Sequence[float] = (1.0, 2.0, 5.0, 10.0)
LOOK_S = 0.1

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Sender:
    """Owns nothing but its thread: what it has sent and not yet heard of is still in the spool."""

    spool: Spool
    endpoint: Endpoint
    metrics: Metrics
    part: str = "samples"
    mono_s: Callable[[], float] = time.monotonic
    away_since_s: float | None = None
    _failures: int = 0
    _connections: int = 0
    _refused: bool = False
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to send."""
        self._thread = threading.Thread(target=self._run, name="history-sender", daemon=True)
        self._thread.start()

    def close(self, patience_s: float = 2.0) -> None:
        """Send what can be sent in a short time, then end; the rest stays on disk. May be called twice."""
        if self._thread is None:
            return
        deadline_s = self.mono_s() + patience_s
        while self.spool.behind_s and self.away_since_s is None and self.mono_s() < deadline_s:
            if self._stop.wait(LOOK_S):
                break
        self._stop.set()
        self._thread.join(self.endpoint.place.timeout_s + 1.0)
        self._thread = None

    def _run(self) -> None:
        while not self._stop.is_set():
            self._stop.wait(self.once())

    def once(self) -> float:
        """Send one file, if there is one; return how long to wait before the next."""
        segment = self.spool.oldest()
        if segment is None:
            self.metrics.history_waiting.set(self.spool.waiting_bytes)
            return LOOK_S
        try:
            never = self._send(segment)
        except ServerError as e:
            return self._failed(e)
        self._succeeded(segment, never)
        return 0.0

    def _send(self, segment: Segment) -> int:
        try:
            content = segment.read()
        except FileNotFoundError:  # it had to make room
            return 0
        except OSError as e:
            raise ServerError(f"history spool {segment.file}: {e.strerror or e}") from e
        return self._write(content)

    def _write(self, content: bytes) -> int:
        try:
            return self.endpoint.write(self.part, content)
        except TooLargeError:
            middle = content.find(b"\n", len(content) // 2) + 1
            if not 0 < middle < len(content):
                raise
            return self._write(content[:middle]) + self._write(content[middle:])

    def _failed(self, error: ServerError) -> float:
        if self.away_since_s is None:
            self.away_since_s = self.mono_s()
            _log.warning("%s; readings wait on disk until it is back", error)
        else:
            _log.debug("%s", error)
        rest_s = RESTS_S[min(self._failures, len(RESTS_S) - 1)]
        self._failures += 1
        self.metrics.history_waiting.set(self.spool.waiting_bytes)
        return rest_s

    def _succeeded(self, segment: Segment, never: int) -> None:
        if never:
            self.metrics.history_dropped.inc(never)
            if not self._refused:
                _log.warning("history: the server refuses %d readings for good: too old, or of another type", never)
        self._refused = never > 0
        connections = self.endpoint.connections
        anew = connections != self._connections and self._connections > 0
        self._connections = connections
        self.spool.taken(segment)
        if self.away_since_s is not None or anew:
            self._failures, was_away = 0, self.away_since_s is not None
            self.away_since_s = None
            # It may have been killed, and have lost the last seconds that it took.
            again = self.spool.rewind()
            if was_away:
                _log.info("history: takes readings again; %d lines of the time before are sent again", again)
