"""A camera's process as a worker: started, listened to, killed when it hangs."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Protocol

from agent import camera_words
from agent.camera_orders import Order, write_order
from agent.camera_words import AlarmStill, Applied, Beat, Measured, Note, Picture
from agent.intake import Instant
from config.secrets import redacted
from detectors.findings import Event
from drivers.capture import redact

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import Popen

    from agent.clock import Clock
    from config.cameras import CameraSection
    from detectors.findings import Finding

log = logging.getLogger(__name__)

LIMIT_S = 4.0  # without a beat; the supervisor looks once a second
START_S = 15.0  # grace for loading OpenCV and a model on a small machine
MOST_TEXT = 300


class Taker(Protocol):
    """Where findings go."""

    def __call__(self, finding: Finding, now: Instant) -> str | None:
        """Accept a finding; return the id it is known by from here on."""
        ...


class CameraWorker:
    """Runs `agent.camera` in a process of its own; its findings go to `take`."""

    def __init__(self, section: CameraSection, take: Taker, clock: Clock, command: tuple[str, ...] = ()) -> None:
        self.name = section.id
        self.limit_s = LIMIT_S
        self.beat: Beat | None = None
        self._section = section
        self._take = take
        self._clock = clock
        self._command = command or (sys.executable, "-m", "agent.camera")
        self._process: Popen[str] | None = None
        self._listeners: list[threading.Thread] = []
        self._heard = 0.0
        self._last_words = ""
        self.heard: Callable[[Picture | Applied], None] = _nobody
        """Told of answers to orders, from the listening thread."""
        self.measure: Callable[[Measured], None] = _nobody
        """Told of numbers, from the listening thread."""
        self.show: Callable[[AlarmStill, str], None] = _nowhere
        """Given the still of an alarm with the id of its event, from the listening thread."""
        self._told: dict[tuple[str, str], str | None] = {}

    @property
    def section(self) -> CameraSection:
        """What it watches now."""
        return self._section

    def order(self, order: Order) -> bool:
        """Ask the process for a still, or to watch other lines and zones; False where it does not run."""
        process = self._process
        if process is None or not self.alive():
            return False
        _quietly(lambda: _write(process, write_order(order)))
        return True

    def keep(self, section: CameraSection) -> None:
        """Watch this from the next start on: the process watches it already."""
        self._section = section

    def start(self) -> None:
        """Start the process."""
        self._end_process()
        self._heard = time.monotonic() + START_S
        self._last_words = ""
        self.beat = None
        self._process = process = subprocess.Popen(  # noqa: S603 - our own module
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
        )
        self._listeners = [
            threading.Thread(target=job, args=(process,), name=self.name, daemon=True)
            for job in (self._listen, self._overhear)
        ]
        for thread in self._listeners:
            thread.start()
        self._send(process)

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def beat_age(self) -> float:
        """Seconds since the last beat; negative while it may still be starting."""
        return time.monotonic() - self._heard

    def stop(self) -> None:
        """Ask the process to end: its stdin ends."""
        if self._process is not None and self._process.stdin is not None:
            _quietly(self._process.stdin.close)

    def kill(self) -> None:
        """End the process by force."""
        if self._process is not None:
            self._process.kill()

    def join(self, timeout_s: float) -> None:
        """Wait for the end of the process at most this long."""
        deadline = time.monotonic() + max(0.0, timeout_s)
        process = self._process
        if process is not None:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                return
        for thread in self._listeners:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._close_pipes()

    def failure(self) -> str:
        """Why it ended or has no picture, in one line."""
        if self.alive():
            return self.beat.trouble if self.beat else ""
        code = self._process.returncode if self._process else None
        return self._last_words or f"{self.name}: the process of the camera ended with code {code}"

    def _send(self, process: Popen[str]) -> None:
        if process.stdin is not None:
            text = self._section.model_dump_json() + "\n"
            _quietly(lambda: _write(process, text))

    def _listen(self, process: Popen[str]) -> None:
        for line in process.stdout or ():
            try:
                words = camera_words.read(line)
            except ValueError as e:
                log.debug("%s: said what is not ours: %s", self.name, e)
                continue
            if process is not self._process:
                return
            match words:
                case Beat():
                    self._hear(words)
                case Picture() | Applied():
                    self.heard(words)
                case Measured():
                    self.measure(words)
                case AlarmStill():
                    self._show(words)
                case Note(text=text):
                    log.warning("%s: %s", self.name, redact(text[:MOST_TEXT]))
                case _:
                    known = self._take(words, Instant(time.monotonic(), self._clock.mono(), self._clock.wall()))
                    if isinstance(words, Event):
                        self._told[words.point, words.kind] = known

    def _show(self, still: AlarmStill) -> None:
        event = self._told.get((still.point, still.kind))
        if event is not None and still.jpeg:
            self.show(still, event)

    def _hear(self, beat: Beat) -> None:
        before = self.beat.trouble if self.beat else ""
        self._heard, self.beat = time.monotonic(), beat
        if self._section.drawn_on is None and beat.width:  # a process that follows this one may begin at another size
            self._section = self._section.model_copy(update={"drawn_on": (beat.width, beat.height)})
        if beat.trouble and not before:
            log.error("%s; trying again", redact(beat.trouble))
        elif before and not beat.trouble:
            log.warning("%s: is back", self.name)

    def _overhear(self, process: Popen[str]) -> None:
        """Keep the last words of a dying process; a native library's noise goes no further."""
        for line in process.stderr or ():
            if line.strip():
                self._last_words = redacted(line.strip())[:MOST_TEXT]

    def _end_process(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for thread in self._listeners:
                thread.join(1.0)
            self._close_pipes()

    def _close_pipes(self) -> None:
        process = self._process
        if process is None or process.poll() is None:
            return
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                _quietly(pipe.close)


def _nobody(words: Picture | Applied | Measured) -> None:
    """Stand where nobody has asked."""
    del words


def _nowhere(still: AlarmStill, event: str) -> None:
    """Stand where nobody takes stills."""
    del still, event


def _write(process: Popen[str], text: str) -> None:
    if process.stdin is not None:
        process.stdin.write(text)
        process.stdin.flush()


def _quietly(action: Callable[[], object]) -> None:
    """Do what may fail because the process is gone already."""
    try:
        action()
    except (BrokenPipeError, ValueError, OSError):
        return
