"""A camera's real process: it counts, is killed, hangs, loses its picture, and the agent goes on."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import write_clip
from numpy.typing import NDArray

from agent import camera_words
from agent.camera_words import Beat
from agent.camera_worker import CameraWorker
from agent.clock import system_clock
from agent.intake import Instant
from config.cameras import CameraSection, LineSection
from contracts.vocabulary import Direction, Severity
from detectors.findings import Crossing, Event, Finding


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A figure walks from left to right before a noisy wall, again and again."""
    return write_clip(tmp_path_factory.mktemp("clip") / "walk.avi", walking())


def walking() -> Iterator[NDArray[np.uint8]]:
    noise = np.random.default_rng(7)
    wall = cv2.resize(noise.integers(60, 200, (24, 32, 3), dtype=np.uint8), (320, 240), interpolation=cv2.INTER_NEAREST)
    for step in range(120):
        picture = wall.astype(np.int16) + noise.integers(-3, 4, wall.shape)
        x = step * 8 - 320
        if step >= 40:
            picture[100:180, max(0, x) : max(0, x + 30)] = (20, 20, 20)
        yield np.clip(picture, 0, 255).astype(np.uint8)


def section(source: str) -> CameraSection:
    line = LineSection(id="door", name="door", line=(160, 20, 160, 230))
    return CameraSection(id="gate", name="gate", source=source, line=(line,))


class Heard:
    """Keeps what the worker hands on."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.news = threading.Event()

    def __call__(self, finding: Finding, now: Instant) -> None:
        self.findings.append(finding)
        self.news.set()

    def wait_for(self, found: Callable[[Finding], bool], within_s: float = 30.0) -> Finding:
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            self.news.clear()
            for finding in list(self.findings):
                if found(finding):
                    return finding
            self.news.wait(0.5)
        pytest.fail(f"not heard within {within_s} s; heard {self.findings}")


def wait_until(condition: Callable[[], bool], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "took too long"
        pause.wait(0.05)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def started(heard: Heard) -> Iterator[Callable[..., CameraWorker]]:
    workers: list[CameraWorker] = []

    def start(camera: CameraSection, command: tuple[str, ...] = ()) -> CameraWorker:
        worker = CameraWorker(camera, heard, system_clock(), command)
        workers.append(worker)
        worker.start()
        return worker

    yield start
    for worker in workers:
        worker.stop()
        worker.join(3.0)
        worker.kill()
        worker.join(3.0)


def test_a_person_in_a_playing_camera_is_counted_in_its_own_process_and_again_after_a_kill(
    clip: Path, heard: Heard, started: Callable[..., CameraWorker]
) -> None:
    worker = started(section(str(clip)))
    crossing = heard.wait_for(lambda f: isinstance(f, Crossing))
    assert isinstance(crossing, Crossing)
    assert (crossing.line, crossing.direction) == ("door", Direction.RIGHT)
    assert 0 <= time.monotonic() - crossing.at < 20
    worker.kill()
    wait_until(lambda: not worker.alive())
    heard.findings.clear()
    worker.start()
    heard.wait_for(lambda f: isinstance(f, Crossing))


def test_a_stopped_camera_process_ends_by_itself(clip: Path, started: Callable[..., CameraWorker]) -> None:
    worker = started(section(str(clip)))
    wait_until(lambda: worker.beat is not None)
    worker.stop()
    worker.join(20.0)
    assert not worker.alive()


def test_a_process_without_a_sign_of_life_is_seen_as_hung(started: Callable[..., CameraWorker]) -> None:
    worker = started(section("x"), (sys.executable, "-c", "import time; time.sleep(60)"))
    worker._heard = time.monotonic() - 100
    assert worker.alive()
    assert worker.beat_age() > worker.limit_s
    worker.kill()
    wait_until(lambda: not worker.alive())
    assert "ended with code -9" in worker.failure()


def test_a_camera_that_does_not_answer_is_a_fault_and_its_password_stays_secret(
    heard: Heard, started: Callable[..., CameraWorker], caplog: pytest.LogCaptureFixture
) -> None:
    worker = started(section("rtsp://admin:secret@127.0.0.1:9/ch1"))
    fault = heard.wait_for(lambda f: isinstance(f, Event) and f.active)
    assert isinstance(fault, Event)
    assert (fault.point, fault.kind, fault.reason) == ("gate", "fault", "camera-lost")
    wait_until(lambda: bool(worker.failure()))
    assert "rtsp://***@127.0.0.1:9/ch1" in worker.failure()
    assert "secret" not in worker.failure() + caplog.text


@pytest.mark.parametrize(
    "words",
    [
        Crossing("door", Direction.LEFT, 12.5, quality=0.5),
        Event("pond", "water-person", active=True, severity=Severity.CRITICAL, reason="present", at=3.0, value=1),
        Beat(10, 2, 8, ""),
    ],
)
def test_what_a_camera_says_comes_back_unchanged(words: camera_words.Words) -> None:
    assert camera_words.read(camera_words.write(words)) == words


@pytest.mark.parametrize("line", ["", "noise", "{}", '{"is": "picture"}', '{"is": "beat"}', "[]", '{"is": "event"}'])
def test_what_is_not_ours_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        camera_words.read(line)


def test_the_process_of_a_camera_loads_no_buses() -> None:
    code = "import sys, agent.camera; sys.exit('config.buses' in sys.modules)"  # some 12 MB, for each camera
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
