"""What several points of one zone say together, whatever buses they hang on: a worker of its own beside the buses."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from agent.clock import Clock
from agent.intake import Instant, Intake
from config.cameras import CameraSection
from config.points import PointSection
from config.schedules import CalendarSection
from detectors.coincidence import Coincidence
from detectors.findings import Event, Finding
from drivers.samples import Reading, Tick

log = logging.getLogger(__name__)

_MOST = 5000
_TICK_S = 1.0


class Zones:
    """Feeds the one coincidence detector with the events of all buses, in the order in which they come."""

    name = "zones"
    limit_s = 10.0

    def __init__(
        self,
        points: tuple[PointSection, ...],
        calendar: CalendarSection,
        intake: Intake,
        clock: Clock,
        cameras: tuple[CameraSection, ...] = (),
    ) -> None:
        self._coincidence = Coincidence(points, calendar, cameras)
        self._intake = intake
        self._clock = clock
        self._wanted = self._coincidence.wanted
        self._queue: deque[tuple[Event | Reading, Instant]] = deque()
        self._resets: deque[str] = deque()
        self._wake = threading.Condition()
        self._dropped = 0

    def hear(self, finding: Finding, now: Instant) -> None:
        """Take in what any detector of the agent found, from its thread."""
        if isinstance(finding, Event):
            self._put(finding, now)

    def read(self, reading: Reading, now: Instant) -> None:
        """Take in a reading, from its bus's thread; few of them matter here."""
        if reading.point in self._wanted:
            self._put(reading, now)

    def reset(self, point: str) -> None:
        """A person resets a point."""
        with self._wake:
            self._resets.append(point)
            self._wake.notify()

    def _put(self, given: Event | Reading, now: Instant) -> None:
        with self._wake:
            if len(self._queue) >= _MOST:
                self._queue.popleft()
                self._dropped += 1
            self._queue.append((given, now))
            self._wake.notify()

    def interrupt(self) -> None:
        """Look at once."""
        with self._wake:
            self._wake.notify()

    def trouble(self) -> str:
        """How much was dropped; empty when nothing."""
        return f"{self._dropped} findings were dropped" if self._dropped else ""

    def run(self, beat: Callable[[], None], stop: threading.Event) -> None:
        """Feed the detector until stopped."""
        ticked = time.monotonic()
        while not stop.is_set():
            beat()
            with self._wake:
                if not (self._queue or self._resets):
                    self._wake.wait(_TICK_S)
            for _ in range(len(self._queue)):  # one by one: a bug costs the one that meets it
                sample, now = self._queue.popleft()
                self._hand_on(self._coincidence.update(sample), now)
            present = self._present()
            for _ in range(len(self._resets)):
                self._hand_on(self._coincidence.reset(self._resets.popleft(), present.at), present)
            if present.at - ticked >= _TICK_S:
                ticked = present.at
                self._hand_on(self._coincidence.update(Tick(present.at, present.utc_s)), present)

    def _present(self) -> Instant:
        now = time.monotonic()
        return Instant(now, self._clock.mono(), self._clock.wall())

    def _hand_on(self, findings: list[Event], now: Instant) -> None:
        for finding in findings:
            self._intake.take(finding, now)
