"""A camera of two streams: the main one stands in for the small one, is told, and gives the still."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from picture_servers import Mjpeg, Scene, noisy
from waiting import until

from agent.camera_orders import Order
from agent.camera_words import Applied, Picture
from agent.camera_worker import CameraWorker
from agent.clock import system_clock
from agent.intake import Instant
from config.cameras import CameraSection
from detectors.findings import Event, Finding
from drivers.camera import Camera
from drivers.errors import DriverError
from drivers.samples import Frame
from drivers.streams import FAILURES, Streams

HALF_BLACK = [[0, 0, 320, 0, 320, 90, 0, 90]]


def section(main: str, small: str) -> CameraSection:
    return CameraSection.model_validate(
        {
            "id": "gate", "name": "gate", "source": main, "detect_source": small, "privacy": HALF_BLACK,
            "drawn_on": (320, 180), "open_timeout_s": 2.0, "read_timeout_s": 1.0,
            "line": [{"id": "door", "name": "door", "line": (10, 150, 300, 150)}],
        }
    )  # fmt: skip


def test_the_main_stream_stands_in_and_gives_way_when_the_small_one_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.streams.SCOUT_S", 0.5)
    small, main = Scene(noisy(320, 180)), Scene(noisy(640, 360))
    with Mjpeg(main) as large, Mjpeg(small) as little, Camera(section(large.url, little.url)) as camera:
        newest: list[Frame] = []

        def shows(width: int, *, standing_in: bool) -> bool:
            try:
                newest.extend(camera.read())
            except DriverError:
                return False
            return bool(newest) and (newest[-1].image.shape[1], newest[-1].standing_in) == (width, standing_in)

        until(lambda: shows(320, standing_in=False))
        small.stalled.set()
        until(lambda: shows(640, standing_in=True))
        assert newest[-1].drawn_on == (320, 180)
        assert not newest[-1].image[:170].any()  # what is private is so in the main stream too
        small.stalled.clear()
        until(lambda: shows(320, standing_in=False))


def test_the_small_stream_is_looked_for_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []

    def nothing(_section: CameraSection, source: str, *_limits: float) -> None:
        looks.append(source)
        raise DriverError("gate: no picture came")

    monkeypatch.setattr("drivers.streams._one_picture", nothing)
    streams = Streams(section("rtsp://10.0.0.9/main", "rtsp://10.0.0.9/sub"))
    for _ in range(FAILURES):
        streams.ended(shown=False, drawn_on=(320, 180))
    assert streams.standing_in
    for stood_in_s, looked in ((59.0, 0), (60.0, 1), (60.1, 1), (119.0, 1), (120.0, 2), (5.0, 2), (66.0, 3)):
        assert not streams.small_is_back(stood_in_s)
        streams.close(10.0)
        assert len(looks) == looked, stood_in_s


class Heard:
    """Keeps what a camera's process says."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.stills: list[Picture] = []

    def __call__(self, finding: Finding, now: Instant) -> None:
        self.findings.append(finding)

    def answer(self, words: Picture | Applied) -> None:
        if isinstance(words, Picture):
            self.stills.append(words)

    def faults(self) -> list[tuple[str, bool]]:
        return [(f.reason, f.active) for f in self.findings if isinstance(f, Event) and f.point == "gate"]


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def running(heard: Heard) -> Iterator[tuple[CameraWorker, Scene, Scene]]:
    """A real process of a camera with a main and a small stream."""
    main, small = Scene(noisy(960, 720)), Scene(noisy(320, 180))
    with Mjpeg(main) as large, Mjpeg(small) as little:
        worker = CameraWorker(section(large.url, little.url), heard, system_clock())
        worker.heard = heard.answer
        worker.start()
        yield worker, main, small
        worker.stop()
        worker.join(3.0)
        worker.kill()
        worker.join(5.0)


def test_the_still_to_draw_on_is_of_the_main_stream_in_the_proportions_of_the_small_one(
    running: tuple[CameraWorker, Scene, Scene], heard: Heard
) -> None:
    worker, main, _ = running
    until(lambda: worker.beat is not None and worker.beat.looked_at > 3)
    assert worker.order(Order("look"))
    until(lambda: len(heard.stills) == 1)
    still = heard.stills[0]
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(still.jpeg), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert (still.id, still.width, still.height, picture.shape) == ("look", 320, 180, (540, 960, 3))
    assert picture[:250].mean() < 5  # private
    assert picture[280:].mean() > 50
    main.stalled.set()
    worker.order(Order("again"))
    until(lambda: len(heard.stills) == 2)
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(heard.stills[1].jpeg), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (180, 320, 3)  # of the small one, where the main one gives nothing


def test_a_main_stream_that_stands_in_is_a_fault_and_is_logged_with_how_often(
    running: tuple[CameraWorker, Scene, Scene], heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    worker, _, small = running
    until(lambda: heard.faults() == [("normal", False)])
    small.stalled.set()
    until(lambda: ("camera-main-stream", True) in heard.faults())
    until(lambda: "gate: the small stream gives no picture: the main one is looked at (time 1" in caplog.text)
    assert worker.alive()
