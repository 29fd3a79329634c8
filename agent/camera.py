"""The process of one camera: `python -m agent.camera`, its section and orders as JSON on stdin, findings on stdout.

It ends when its stdin ends: with the agent, or when the agent asks it to.
"""

from __future__ import annotations

import ctypes
import os
import queue
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from agent.alarm_still import AlarmStills
from agent.camera_orders import Order, read_order
from agent.camera_tally import Tally
from agent.camera_words import Applied, Beat, Note, Picture, Words, write
from agent.still import LATEST_S, still
from config.cameras import CameraSection
from detectors.camera_watch import OUTSIDE, CameraWatch, people_detector
from detectors.findings import Event
from drivers.camera import Camera
from drivers.errors import DriverError
from drivers.samples import Frame, Sample, Silence, Tick
from drivers.streams import closer

if TYPE_CHECKING:
    from collections.abc import Callable

    from detectors.findings import Finding

BEAT_S = 0.5
_M_ARENA_MAX = -8  # mallopt(3)


def main() -> int:
    """Watch one camera until stdin ends."""
    _share_one_heap()
    section = CameraSection.model_validate_json(sys.stdin.readline())
    stop = threading.Event()
    orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
    threading.Thread(target=_hear_orders, args=(stop, orders), name="stdin", daemon=True).start()
    try:
        watch = CameraWatch(section, people_detector(section))
    except (DriverError, ValueError) as e:
        sys.stderr.write(f"{section.id}: {e}\n")
        return 2
    with Camera(section) as camera:
        _Watching(section, camera, watch, _say).run(stop, orders)
    return 0


def _share_one_heap() -> None:
    """Let the thread that decodes and the one that detects take from the same heap: 5 MB less, and no slower."""
    mallopt: Callable[[int, int], int] | None = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc only
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)


class _Watching:
    """The loop of the process: pictures and orders in, words out."""

    def __init__(
        self, section: CameraSection, camera: Camera, watch: CameraWatch, say: Callable[[Words], None]
    ) -> None:
        self._section = section
        self._camera = camera
        self._watch = watch
        self._say = say
        self._tally = Tally(section)
        self._shown = AlarmStills(section)
        self._standing: dict[tuple[str, str], Event] = {}
        self._wanted: tuple[str, float] | None = None  # a still, and until when it is waited for
        self._stills: queue.SimpleQueue[Picture] = queue.SimpleQueue()  # taken beside the loop
        self._size = (0, 0)
        self._stood_in = 0
        self._standing_in = False
        self._trouble = ""
        self._looked_at = 0
        self._beaten = 0.0

    def run(self, stop: threading.Event, orders: queue.SimpleQueue[Order]) -> None:
        """Watch until stopped."""
        while not stop.is_set():
            now = time.monotonic()
            samples = self._samples(now)
            while not orders.empty():
                self._obey(orders.get(), now)
            for sample in samples:
                self._take(sample)
            while not self._stills.empty():
                self._say(self._stills.get())
            for measured in self._tally.due(now):
                self._say(measured)
            if now - self._beaten >= BEAT_S and self._camera.stuck_s() < self._camera.patience_s:
                self._beaten = now
                self._say(self._beat())

    def _samples(self, now: float) -> list[Sample]:
        samples: list[Sample] = []
        try:
            samples += self._camera.read()
            self._looked_at += len(samples)
            self._trouble = "" if samples else self._trouble
        except DriverError as e:
            self._trouble = str(e)
            samples.append(Silence(self._section.id, "lost", now, time.time()))
        if now - self._beaten >= BEAT_S:
            samples.append(Tick(now, time.time()))
        return samples

    def _obey(self, order: Order, now: float) -> None:
        if order.section is None:
            self._wanted = (order.id, now + LATEST_S)
            return
        section = order.section
        self._watch = CameraWatch(section, people_detector(section))
        self._tally = Tally(section)
        self._shown = AlarmStills(section)
        for event in self._standing.values():  # the new watch knows none of them, and what was removed has none
            self._say(replace(event, active=False, reason="normal", at=now))
        self._standing.clear()
        self._say(Applied(order.id))

    def _take(self, sample: Sample) -> None:
        if isinstance(sample, Frame):
            self._see(sample)
        for finding in self._watch.update(sample):
            self._tally.found(finding)
            self._say(finding)
            if isinstance(finding, Event):
                self._note_standing(finding)
            if (text := self._drawn_wrong(finding)) is not None:
                self._say(Note(text))
            if isinstance(sample, Frame) and (shown := self._shown.of(finding, sample, self._watch)) is not None:
                self._say(shown)

    def _note_standing(self, event: Event) -> None:
        key = (event.point, event.kind)
        if event.active:
            self._standing[key] = event
        else:
            self._standing.pop(key, None)

    def _see(self, frame: Frame) -> None:
        """Give the still that is wanted as soon as there is a picture; say when pictures change size or stream."""
        height, width = frame.image.shape[:2]
        drawn_on = frame.drawn_on or (width, height)
        if (width, height) != self._size:
            if (width, height) != drawn_on or self._size != (0, 0):
                drawn = f"{drawn_on[0]}x{drawn_on[1]}"
                self._say(Note(f"the picture is {width}x{height} now: what was drawn on {drawn} is scaled to it"))
            self._size = (width, height)
        self._tally.seen(frame.at)
        if frame.standing_in is not self._standing_in:
            self._standing_in = frame.standing_in
            self._stood_in += frame.standing_in
            now = f"gives no picture: the main one is looked at (time {self._stood_in} since the start)"
            self._say(Note(f"the small stream {now if frame.standing_in else 'is back'}"))
        if self._wanted is not None:
            if frame.at <= self._wanted[1]:
                self._give_still(self._wanted[0], frame, drawn_on)
            self._wanted = None

    def _give_still(self, order: str, frame: Frame, drawn_on: tuple[int, int]) -> None:
        """Give a still, of the main stream where there is one: its address is opened beside the loop, which goes on."""
        section = self._section
        if not section.detect_source or frame.standing_in:
            self._say(Picture(order, still(frame.image), *drawn_on))
            return

        def fetch() -> None:
            try:
                image = closer(section, drawn_on)
            except DriverError:
                image = frame.image
            self._stills.put(Picture(order, still(image), *drawn_on))

        threading.Thread(target=fetch, name=f"{section.id} still", daemon=True).start()

    def _drawn_wrong(self, finding: Finding) -> str | None:
        match finding:
            case Event(reason=reason, active=True, point=point) if reason == OUTSIDE:
                width, height = self._size
                return f"{point!r} lies outside the picture, which is {width}x{height} pixels: draw it again"
            case _:
                return None

    def _beat(self) -> Beat:
        camera = self._camera
        return Beat(camera.seen, camera.skipped, self._looked_at, self._trouble, *(camera.drawn_on or (0, 0)))


def _say(words: Words) -> None:
    sys.stdout.write(write(words) + "\n")
    sys.stdout.flush()


def _hear_orders(stop: threading.Event, orders: queue.SimpleQueue[Order]) -> None:
    while line := sys.stdin.readline():
        if (order := read_order(line)) is not None:
            orders.put(order)
    stop.set()
    time.sleep(1.5)  # FFmpeg may hang: then the process ends without it
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
