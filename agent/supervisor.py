"""The supervisor: starts workers, replaces dead and hung ones, feeds the watchdog while all of them beat."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from agent.backoff import DELAYS_S
from agent.worker import Worker
from contracts.messages import WorkerHealth

log = logging.getLogger(__name__)

_TURN_S = 1.0
_STALL_S = 3.0  # the supervisor itself was this late: the machine stood still, not its workers
_WELL_AFTER_S = 120.0  # a worker that ran so long starts again with the shortest pause


def guard(job: Callable[[], None]) -> str:
    """Run a job to its end; return why it failed, or an empty text. The one place that catches everything."""
    try:
        job()
    except Exception as e:
        log.exception("%s: a bug ended this worker", threading.current_thread().name)
        return f"{type(e).__name__}: {e}"[:300]
    return ""


@dataclass
class _Watched:
    worker: Worker
    tries: int = 0
    started: float = 0.0
    again_at: float | None = None
    hung: bool = False
    failure: str = ""


@dataclass
class Supervisor:
    """Looks after workers from the main thread."""

    workers: Sequence[Worker]
    each_turn: Callable[[], None]
    notify: Callable[[str], None]
    _watched: list[_Watched] = field(default_factory=list[_Watched])
    _last_look: float = 0.0
    _grace_until: float = 0.0

    def run(self, stop: threading.Event) -> None:
        """Start all, then look after them until stopped."""
        self._last_look = time.monotonic()
        self._watched = [_Watched(worker) for worker in self.workers]
        for watched in self._watched:
            self._start(watched)
        self.notify("READY=1")
        while not stop.wait(_TURN_S):
            if self.look(time.monotonic()):
                self.notify("WATCHDOG=1")
            self.each_turn()
        self.notify("STOPPING=1")

    def look(self, now: float) -> bool:
        """Check every worker once; return whether all of them make progress."""
        if now - self._last_look > _TURN_S + _STALL_S:
            log.warning("the whole agent stood still for %.0f s", now - self._last_look)
            self._grace_until = now + max((w.worker.limit_s for w in self._watched), default=0.0)
        self._last_look = now
        for watched in self._watched:
            self._look_at(watched, now)
        return not any(watched.hung for watched in self._watched)

    def _look_at(self, watched: _Watched, now: float) -> None:
        worker = watched.worker
        if watched.again_at is not None:
            if now >= watched.again_at:
                self._start(watched)
        elif not worker.alive():
            watched.failure = worker.failure() or "it ended by itself"
            self._again(watched, now)
        elif worker.beat_age() > worker.limit_s and now >= self._grace_until:
            if not watched.hung:
                log.error("%s: no progress for %.0f s: ending it", worker.name, worker.beat_age())
                watched.hung = True
                worker.kill()
        elif watched.hung:
            log.warning("%s: makes progress again", worker.name)
            watched.hung = False
        elif watched.tries and now - watched.started > _WELL_AFTER_S:
            watched.tries, watched.failure = 0, ""

    def _again(self, watched: _Watched, now: float) -> None:
        delay = DELAYS_S[min(watched.tries, len(DELAYS_S) - 1)]
        log.error("%s: ended (%s): starting again in %.0f s", watched.worker.name, watched.failure, delay)
        watched.tries += 1
        watched.again_at = now + delay
        watched.hung = False

    def _start(self, watched: _Watched) -> None:
        watched.again_at = None
        watched.started = time.monotonic()
        watched.worker.start()

    def health(self) -> tuple[WorkerHealth, ...]:
        """Every worker, for the heartbeat."""
        return tuple(self._health(watched) for watched in self._watched)

    def _health(self, watched: _Watched) -> WorkerHealth:
        worker = watched.worker
        reason = worker.failure() or watched.failure
        if watched.again_at is not None or watched.hung:
            state = "failed"
        elif worker.failure():
            state = "waiting"
        else:
            state = "running"
        if watched.hung:
            reason = f"hung: no progress for {worker.beat_age():.0f} s"
        return WorkerHealth(
            name=worker.name[:80], state=state, beat_age_s=round(max(0.0, worker.beat_age()), 3), reason=reason[:300]
        )
