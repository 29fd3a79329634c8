"""A live camera: a thread keeps only its newest picture, and reconnects for ever."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

from drivers.capture import KNOCK_S, PATIENCE, UnreachedError, format_of, is_live, open_capture, read_picture, redact
from drivers.errors import DriverError, DriverTimeoutError
from drivers.masks import blacken
from drivers.pace import next_due
from drivers.samples import Frame
from drivers.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    import cv2
    import numpy as np
    from numpy.typing import NDArray

    from config.cameras import CameraSection

BACKOFF_S = (1.0, 2.0, 5.0, 10.0)  # from one try to the next, 1 s between them at least: a pond must not stay unseen
WAIT_S = 1.0  # `read` returns after this long also without a picture
LOST_S = 5.0  # no picture for this long: the camera is lost
TIMED_OUT = 0.9  # of the time to read: a read that came back sooner without a picture is the stream's end


class Camera:
    """Newest picture wins; what was skipped is counted. A file is played at its own speed, again and again."""

    interval_s = 0.0

    def __init__(self, section: CameraSection) -> None:
        self.name = section.id
        self._section = section
        self._streams = Streams(section)
        self._fresh = threading.Condition()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._newest: Frame | None = None
        self._progress = time.monotonic()
        self._arrived = self._progress
        self.drawn_on = section.drawn_on
        """Width and height of the picture that all coordinates are of; the first picture's where nobody said."""
        self._due = 0.0
        self._trouble = ""
        self._opening_s = section.open_timeout_s
        self.seen = 0
        """Pictures that arrived."""
        self.skipped = 0
        """Pictures that gave way to newer ones."""

    def __enter__(self) -> Self:
        """Start the thread; it opens the source by itself, again and again."""
        self._stop.clear()
        self._progress = self._arrived = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=f"{self.name} source", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the thread."""
        self.close()

    def close(self) -> None:
        """Stop the thread, from any thread; harmless when closed."""
        self._stop.set()
        with self._fresh:
            self._fresh.notify_all()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=0.5)  # a read that hangs is left behind: the process ends with it
        self._streams.close(0.5)

    def read(self) -> Sequence[Frame]:
        """Return the newest picture that was not yet returned, or nothing after a second."""
        self._stop.wait(max(0.0, min(self._due - time.monotonic(), WAIT_S)))
        with self._fresh:
            if self._newest is None:
                self._fresh.wait(WAIT_S)
            frame, self._newest = self._newest, None
        if frame is not None:
            self._due = next_due(self._due, time.monotonic(), 1.0 / self._section.frames_per_s)
            return [frame]
        if time.monotonic() - self._arrived > LOST_S:
            raise DriverTimeoutError(self._trouble or f"{self.name}: no picture for {LOST_S:.0f} s")
        return []

    def stuck_s(self) -> float:
        """Seconds since the source's thread last came back from FFmpeg."""
        return time.monotonic() - self._progress

    @property
    def patience_s(self) -> float:
        """Seconds after which its thread should have come back from FFmpeg: a large picture is opened twice."""
        return 2 * (KNOCK_S + self._opening_s) + self._section.read_timeout_s + LOST_S

    def _run(self) -> None:
        while not self._stop.is_set():
            began, before, source = time.monotonic(), self.seen, self._streams.source
            reached = "://" in source
            self._progress = began
            try:
                capture = open_capture(self._streams.address(), self._opening_s, self._section.read_timeout_s)
                self._progress = time.monotonic()
                try:
                    self._play(capture)
                finally:
                    capture.release()
            except DriverError as e:
                self._trouble = f"{self.name}: {e}"
                reached = reached and not isinstance(e, UnreachedError)
            else:
                self._trouble = f"{self.name}: {redact(source)}: the stream ended or stalled"
            shown, took_s = self.seen > before, time.monotonic() - began
            if reached and not shown and took_s >= TIMED_OUT * self._opening_s:
                self._opening_s = min(2 * self._opening_s, PATIENCE * self._section.open_timeout_s)
            at_once = self._streams.ended(shown=shown, drawn_on=self.drawn_on)
            over = not is_live(source) and shown  # a recording that came to its end
            apart_s = BACKOFF_S[min(self._streams.failed, len(BACKOFF_S) - 1)]
            self._wait(0.0 if over or at_once else max(BACKOFF_S[0], apart_s - took_s))

    def _play(self, capture: cv2.VideoCapture) -> None:
        """Hand on pictures until the source ends or fails."""
        rate = 0.0 if is_live(self._streams.source) else (format_of(capture).frames_per_s or 25.0)
        began, count = time.monotonic(), 0
        while not self._stop.is_set():
            asked = time.monotonic()
            picture = read_picture(capture, self.name)
            self._progress = time.monotonic()
            if picture is None and not count and self._may_come(asked - began, self._progress - asked):
                continue
            if picture is None or self._streams.small_is_back(self._progress - began):
                return
            count += 1
            self._hand_on(picture)
            if rate:
                self._wait(began + count / rate - time.monotonic())

    def _may_come(self, waited_s: float, took_s: float) -> bool:
        """Whether to go on waiting for the first picture: the read ran out of time, and the stream did not end."""
        timed_out = took_s >= TIMED_OUT * self._section.read_timeout_s
        return is_live(self._streams.source) and timed_out and waited_s < self._opening_s

    def _hand_on(self, picture: NDArray[np.uint8]) -> None:
        at = time.monotonic()
        height, width = picture.shape[:2]
        self.drawn_on = self.drawn_on or (width, height)
        blacken(picture, self._section.privacy, self.drawn_on)
        with self._fresh:
            self.seen += 1
            self.skipped += self._newest is not None
            self._newest = Frame(
                self.name, picture, at, time.time(), self.seen, self.drawn_on, self._streams.standing_in
            )
            self._arrived = at
            self._fresh.notify_all()

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._stop.is_set() and (left := until - time.monotonic()) > 0:
            self._stop.wait(min(left, WAIT_S))
            self._progress = time.monotonic()
