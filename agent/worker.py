"""Workers: what the supervisor starts, listens to and replaces: threads here, a camera's process in camera.py."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

log = logging.getLogger(__name__)


class Worker(Protocol):
    """Something that runs on its own and shows by beats that it still makes progress."""

    name: str
    limit_s: float
    """A beat older than this means hung."""

    def start(self) -> None:
        """Start, or start again after it ended or was killed."""
        ...

    def alive(self) -> bool:
        """Whether it still runs."""
        ...

    def beat_age(self) -> float:
        """Seconds since the last beat."""
        ...

    def stop(self) -> None:
        """Ask it to end; return at once."""
        ...

    def kill(self) -> None:
        """End it by force as far as possible; return at once."""
        ...

    def join(self, timeout_s: float) -> None:
        """Wait for its end at most this long."""
        ...

    def failure(self) -> str:
        """Why it ended or is unwell, in one line; empty when it is well."""
        ...


class Job(Protocol):
    """What a worker thread does."""

    name: str
    limit_s: float

    def run(self, beat: Callable[[], None], stop: threading.Event) -> None:
        """Work until `stop` is set, calling `beat` at every step; an exception is a bug and ends the thread."""
        ...

    def interrupt(self) -> None:
        """Make a blocked `run` return soon, from any thread (close the device it waits for)."""
        ...

    def trouble(self) -> str:
        """What is wrong though it runs, in one line; empty when it is well."""
        ...


class ThreadWorker:
    """A job in a daemon thread. `guard` calls the job and turns a crash into text."""

    def __init__(self, job: Job, guard: Callable[[Callable[[], None]], str]) -> None:
        self.name = job.name
        self.limit_s = job.limit_s
        self._job = job
        self._guard = guard
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._beat = time.monotonic()
        self._failure = ""

    def start(self) -> None:
        self._stop = stop = threading.Event()
        self._beat = time.monotonic()
        self._thread = threading.Thread(target=self._main, args=(stop,), name=self.name, daemon=True)
        self._thread.start()

    def _main(self, stop: threading.Event) -> None:
        def beat() -> None:
            if stop is self._stop:  # a hung thread that wakes after its replacement started must not beat for it
                self._beat = time.monotonic()

        failure = self._guard(lambda: self._job.run(beat, stop))
        if stop is self._stop:
            self._failure = failure

    def alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def beat_age(self) -> float:
        return time.monotonic() - self._beat

    def stop(self) -> None:
        self._stop.set()
        self._job.interrupt()

    def kill(self) -> None:
        self.stop()

    def join(self, timeout_s: float) -> None:
        if self._thread is not None:
            self._thread.join(max(0.0, timeout_s))

    def failure(self) -> str:
        return self._job.trouble() if self.alive() else self._failure
