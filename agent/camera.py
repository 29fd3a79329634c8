"""The process of one camera: `python -m agent.camera`, its section and orders as JSON on stdin, findings on stdout.

It ends when its stdin ends: with the agent, or when the agent asks it to.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time

from agent.camera_orders import Order, read_order
from agent.camera_words import Applied, Beat, Picture, Words, write
from agent.still import LATEST_S, still
from config.cameras import CameraSection
from detectors.camera_watch import CameraWatch, people_detector
from drivers.camera import LOST_S, Camera
from drivers.errors import DriverError
from drivers.samples import Frame, Sample, Silence, Tick

BEAT_S = 0.5


def main() -> int:
    """Watch one camera until stdin ends."""
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
        _watch(camera, watch, section, stop, orders)
    return 0


def _watch(
    camera: Camera,
    watch: CameraWatch,
    section: CameraSection,
    stop: threading.Event,
    orders: queue.SimpleQueue[Order],
) -> None:
    wanted: tuple[str, float] | None = None  # a still, and until when it is waited for
    looked_at, trouble, beaten = 0, "", 0.0
    patience_s = section.open_timeout_s + section.read_timeout_s + LOST_S
    while not stop.is_set():
        now = time.monotonic()
        samples: list[Sample] = []
        try:
            samples += camera.read()
            looked_at += len(samples)
            trouble = "" if samples else trouble
        except DriverError as e:
            trouble = str(e)
            samples.append(Silence(section.id, "lost", now, time.time()))
        if now - beaten >= BEAT_S:
            samples.append(Tick(now, time.time()))
        while not orders.empty():
            order = orders.get()
            if order.section is None:
                wanted = (order.id, now + LATEST_S)
            else:
                watch = CameraWatch(order.section, people_detector(order.section))
                _say(Applied(order.id))
        wanted = _picture(wanted, samples, now)
        for sample in samples:
            for finding in watch.update(sample):
                _say(finding)
        if now - beaten >= BEAT_S and camera.stuck_s() < patience_s:
            beaten = now
            _say(Beat(camera.seen, camera.skipped, looked_at, trouble))


def _picture(wanted: tuple[str, float] | None, samples: list[Sample], now: float) -> tuple[str, float] | None:
    """Give the still that is wanted as soon as there is a picture; give up in time."""
    if wanted is None or now > wanted[1]:
        return None
    frames = [sample for sample in samples if isinstance(sample, Frame)]
    if not frames:
        return wanted
    height, width = frames[-1].image.shape[:2]
    _say(Picture(wanted[0], still(frames[-1].image), width, height))
    return None


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
