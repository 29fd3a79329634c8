"""One bus from end to end: read, detect, hand on. One thread owns the driver, the detectors and their state."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from agent.backoff import Backoff
from agent.clock import Clock
from agent.intake import Instant, Intake
from agent.lane import ReadingLane
from contracts import messages
from detectors.findings import Finding
from detectors.interface import Detector
from drivers.errors import DriverError
from drivers.interface import Driver
from drivers.samples import Frame, Reading, Sample, Silence, Tick

log = logging.getLogger(__name__)

_TICK_S = 1.0
_BROKEN_S = 60.0  # so long after a bug in a point's detectors it is told, and none are made anew again
_BUG = "detector-failed"
_DELAYS_S = (1.0, 2.0, 4.0)
"""A device plugged in again is to be read within 5 s, however long it was away; trying a local port costs nothing."""


class Pipeline:
    """The job of one bus's thread."""

    def __init__(
        self,
        driver: Driver,
        detectors: Mapping[str, Sequence[Detector]],
        intake: Intake,
        lane: ReadingLane,
        clock: Clock,
        limit_s: float,
        anew: Callable[[str], Sequence[Detector]] = lambda _: (),
    ) -> None:
        """Store the parts. `detectors` are those of each point of the bus, also of a point without any.

        `anew` makes those of a point again, after a bug: they report the state they find.
        """
        self.name = driver.name
        self.limit_s = limit_s
        self._driver = driver
        self._detectors = dict(detectors)
        self._anew = anew
        self._bugs: dict[str, tuple[float, str]] = {}  # of a point: when its detectors last failed, and how
        self._intake = intake
        self._lane = lane
        self._clock = clock
        self._trouble = ""
        self._resets: deque[str] = deque()
        self._last_good: dict[str, float] = {}
        self._started = time.monotonic()
        self._ticked = 0.0
        self._recorded_at: float | None = None  # where a recording is, in its own seconds; None for a live device

    def run(self, beat: Callable[[], None], stop: threading.Event) -> None:
        """Open the device and read it until stopped; a lost device is silence of its points, tried again later."""
        backoff = Backoff(_DELAYS_S)
        while not stop.is_set():
            beat()
            try:
                with self._driver:
                    self._read_on(backoff, beat, stop)
            except DriverError as e:
                if not stop.is_set():
                    self._lost(e)
            backoff.wait(stop, self._waiting(beat))

    def _read_on(self, backoff: Backoff, beat: Callable[[], None], stop: threading.Event) -> None:
        while not stop.is_set():
            began = time.monotonic()
            samples = self._driver.read()
            beat()
            self._back(backoff)
            for sample in samples:
                self._take(sample)
            self._tick()
            if self._driver.done:
                self._rest(beat, stop)
            self._pause(began + self._driver.interval_s, beat, stop)

    def _rest(self, beat: Callable[[], None], stop: threading.Event) -> None:
        """A recording has ended: its time stands still, so that nothing is called silent; people may still reset."""
        log.info("%s: the recording has ended", self.name)
        while not stop.wait(_TICK_S):
            beat()
            self._do_resets()

    def _pause(self, until: float, beat: Callable[[], None], stop: threading.Event) -> None:
        while (left := until - time.monotonic()) > 0 and not stop.wait(min(left, _TICK_S)):
            beat()
            self._tick()

    def _waiting(self, beat: Callable[[], None]) -> Callable[[], None]:
        def beat_and_tick() -> None:
            beat()
            self._tick()

        return beat_and_tick

    def reset(self, point: str) -> bool:
        """A person resets a latched alarm of this bus, from any thread; False for a point of another bus."""
        if point not in self._detectors:
            return False
        self._resets.append(point)
        return True

    def interrupt(self) -> None:
        """Close the device, so that a blocked read ends."""
        self._driver.close()

    def trouble(self) -> str:
        """Why the bus, or a point of it, cannot be watched; empty when it can."""
        now = time.monotonic()
        bugs = [f"{point}: {bug}" for point, (at, bug) in [*self._bugs.items()] if now - at < _BROKEN_S]
        return "; ".join([self._trouble, *bugs] if self._trouble else bugs)

    def ages_s(self) -> dict[str, float]:
        """Seconds since the last good value of each point, or since the start."""
        now = time.monotonic()
        return {point: round(now - self._last_good.get(point, self._started), 3) for point in self._detectors}

    def _take(self, sample: Sample) -> None:
        if isinstance(sample, Reading | Silence):
            self._recorded_at = sample.at if abs(self._clock.mono() - sample.at) >= 60 else None
        match sample:
            case Reading():
                self._last_good[sample.point] = time.monotonic()
                now = self._instant(sample)
                self._lane.add(
                    messages.Reading(
                        point=sample.point, value=sample.value, at=self._clock.stamp(0, now.utc_s).at, mono_s=now.mono_s
                    )
                )
                self._intake.read(sample, now)
                self._detect(sample.point, sample)
            case Silence():
                self._detect(sample.point, sample)
            case Tick() | Frame():
                for point in self._detectors:
                    self._detect(point, sample)

    def _detect(self, point: str, sample: Sample) -> None:
        now = self._instant(sample)
        try:
            for detector in self._detectors.get(point, ()):
                self._hand_on(detector.update(sample), now)
        except Exception as e:  # noqa: BLE001 - a bug that one point meets must not blind the others of its bus
            self._failed(point, e)

    def _failed(self, point: str, error: Exception) -> None:
        """Let the point's detectors begin anew, for what they found last may be lost; call it blind until they see."""
        now, bug = time.monotonic(), f"{type(error).__name__}: {error}"[:200]
        if now - self._bugs.get(point, (-math.inf, ""))[0] > _BROKEN_S:
            log.error("%s: %s: a bug in its detectors, which begin anew", self.name, point, exc_info=error)
            self._detectors[point] = self._anew(point) or self._detectors.get(point, ())
        self._bugs[point] = (now, bug)
        silence = Silence(point, _BUG, self._time(), self._clock.wall())
        with suppress(Exception):
            for detector in self._detectors[point]:
                self._hand_on(detector.update(silence), self._instant(silence))

    def _hand_on(self, findings: Sequence[Finding], now: Instant) -> None:
        for finding in findings:
            self._intake.take(finding, now)

    def _instant(self, sample: Sample) -> Instant:
        """A live sample's time is this machine's; a recording has seconds of its own, and is seen now."""
        mono_s = self._clock.mono()
        return Instant(sample.at, sample.at if 0 <= mono_s - sample.at < 60 else mono_s, sample.utc)

    def _tick(self) -> None:
        """Let time go on for the detectors about once a second, and do what people asked for."""
        self._do_resets()
        now = time.monotonic()
        if now - self._ticked >= _TICK_S * 0.9:
            self._ticked = now
            self._take(Tick(self._time(), self._clock.wall()))

    def _do_resets(self) -> None:
        now = self._time()
        while self._resets:
            point = self._resets.popleft()
            for detector in self._detectors[point]:
                self._hand_on(detector.reset(now), Instant(now, self._clock.mono(), self._clock.wall()))

    def _time(self) -> float:
        """The detectors' time: this machine's, or where a recording is; one that has ended stands still."""
        return time.monotonic() if self._recorded_at is None else self._recorded_at

    def _lost(self, error: DriverError) -> None:
        if not self._trouble:
            log.error("%s; trying again", error)
        else:
            log.debug("%s", error)
        self._trouble = str(error)
        at, utc = self._time(), self._clock.wall()
        for point in self._detectors:
            self._take(Silence(point, error.reason, at, utc))

    def _back(self, backoff: Backoff) -> None:
        backoff.reset()
        if self._trouble:
            log.warning("%s: is back", self.name)
            self._trouble = ""
