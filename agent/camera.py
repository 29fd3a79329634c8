"""The process of one camera: `python -m agent.camera`, its section as JSON on stdin, findings as JSON on stdout.

It ends when its stdin ends: with the agent, or when the agent asks it to.
"""

from __future__ import annotations

import os
import sys
import threading
import time

from agent.camera_words import Beat, Words, write
from config.cameras import CameraSection
from detectors.camera_watch import CameraWatch, people_detector
from drivers.camera import LOST_S, Camera
from drivers.errors import DriverError
from drivers.samples import Sample, Silence, Tick

BEAT_S = 0.5


def main() -> int:
    """Watch one camera until stdin ends."""
    section = CameraSection.model_validate_json(sys.stdin.readline())
    stop = threading.Event()
    threading.Thread(target=_await_end, args=(stop,), name="stdin", daemon=True).start()
    try:
        watch = CameraWatch(section, people_detector(section))
    except (DriverError, ValueError) as e:
        sys.stderr.write(f"{section.id}: {e}\n")
        return 2
    with Camera(section) as camera:
        _watch(camera, watch, section, stop)
    return 0


def _watch(camera: Camera, watch: CameraWatch, section: CameraSection, stop: threading.Event) -> None:
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
        for sample in samples:
            for finding in watch.update(sample):
                _say(finding)
        if now - beaten >= BEAT_S and camera.stuck_s() < patience_s:
            beaten = now
            _say(Beat(camera.seen, camera.skipped, looked_at, trouble))


def _say(words: Words) -> None:
    sys.stdout.write(write(words) + "\n")
    sys.stdout.flush()


def _await_end(stop: threading.Event) -> None:
    while sys.stdin.readline():
        pass
    stop.set()
    time.sleep(1.5)  # FFmpeg may hang: then the process ends without it
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
