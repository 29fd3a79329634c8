"""A V4L2 camera of the kernel's (vivid, a virtual one): read, watched, pulled out; a real clip counted over it."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import pytest
import video_nodes as video
from supervised_cameras import supervised
from waiting import until

from agent.camera_worker import CameraWorker
from agent.intake import Instant
from config.cameras import CameraSection
from detectors.findings import Crossing, Event, Finding
from drivers.camera import Camera

pytestmark = [pytest.mark.machine, pytest.mark.timeout(400)]
BIN = Path(sys.executable).parent


def section(source: Path, **more: object) -> CameraSection:
    return CameraSection.model_validate({"id": "gate", "name": "gate", "source": str(source), **more})


class Heard:
    """Keeps what a camera's process finds."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def __call__(self, finding: Finding, now: Instant) -> None:
        self.findings.append(finding)

    def last(self) -> tuple[str, bool] | None:
        """The last fault of the camera that began or ended."""
        found = [(f.reason, f.active) for f in self.findings if isinstance(f, Event) and f.point == "gate"]
        return found[-1] if found else None

    def crossings(self) -> list[str]:
        """The direction of everybody who crossed a line."""
        return [f.direction for f in self.findings if isinstance(f, Crossing) for _ in range(f.count)]


@pytest.fixture(autouse=True)
def _as_after_a_start() -> Iterator[None]:
    yield
    if (video.DRIVER / "vivid.0").exists():
        until(_pulled, "vivid lets go")
    video.plug_in()


def _pulled() -> bool:
    video.pull_out()
    return True


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def watched(heard: Heard) -> Iterator[Callable[[CameraSection], CameraWorker]]:
    """A camera's process under the real supervisor."""
    with supervised(heard) as watch:
        yield watch


def _agent(*words: str) -> str:
    done = subprocess.run([str(BIN / "campus-agent"), *words], check=True, capture_output=True, text=True, timeout=120)
    return done.stdout


def test_probe_lists_the_camera_and_writes_a_still_of_it(tmp_path: Path) -> None:
    said = _agent("probe")
    assert str(video.WEBCAM) in said
    assert "vivid-000-vid-cap" in said
    assert str(video.CABLE) not in said  # an output gives no pictures
    out = tmp_path / "still.png"
    assert "640x480" in _agent("probe", "--camera", str(video.WEBCAM), "--show", str(out))
    picture = cv2.imread(str(out))
    assert picture is not None
    assert picture.shape == (480, 640, 3)
    assert picture.std() > 30  # coloured squares, not a grey nothing


def test_pictures_come_at_the_size_and_rate_of_the_camera() -> None:
    with Camera(section(video.WEBCAM)) as camera:
        until(lambda: camera.seen > 0)
        before, began = camera.seen, time.monotonic()
        shapes = {frame.image.shape for _ in range(60) for frame in camera.read()}
        rate = (camera.seen - before) / (time.monotonic() - began)
    print(f"{rate:.1f} pictures a second, {camera.skipped} of {camera.seen} gave way to newer ones")
    assert shapes == {(480, 640, 3)}
    assert 20 < rate < 31  # it gives 30


CLIPS = {  # the line, which is drawn as in the clips' own truth; how many cross it each way
    "count_hall_overhead.mp4": ([12, 240, 575, 240], {"down": 4, "up": 3}),
}


@pytest.mark.parametrize("name", CLIPS)
def test_people_of_a_real_clip_are_counted_over_v4l2(
    name: str, heard: Heard, watched: Callable[..., CameraWorker], shared: Path
) -> None:
    line, truth = CLIPS[name]
    video.timings(video.CABLE, video.SMALL)
    video.timings(video.GRABBER, video.SMALL)
    video.control(video.GRABBER, video.LOOP, 1)
    with video.Player(shared / "data" / "video" / name, before_s=12) as player:
        worker = watched(section(video.GRABBER, line=[{"id": "door", "name": "door", "line": line}], frames_per_s=12))
        until(player.ended.is_set, within_s=120)
        time.sleep(3)
        beat = worker.beat
    counted = {way: heard.crossings().count(way) for way in truth}
    print(f"{name}: {counted} of {truth}; {beat}")
    missed = sum(max(0, truth[way] - counted[way]) for way in truth)
    extra = len(heard.crossings()) - sum(min(truth[way], counted[way]) for way in truth)
    assert missed <= 1
    assert extra <= 1
    assert heard.last() == ("normal", False)


def test_a_camera_pulled_out_is_a_fault_that_ends_by_itself_when_it_is_back(
    heard: Heard, watched: Callable[..., CameraWorker]
) -> None:
    worker = watched(section(video.WEBCAM))
    until(lambda: heard.last() == ("normal", False))
    process = worker._process
    began = time.monotonic()
    video.pull_out()
    until(lambda: heard.last() == ("camera-lost", True))
    told_s, began = time.monotonic() - began, time.monotonic()
    assert worker.beat is not None
    assert "there is no such device: is the camera plugged in?" in worker.beat.trouble
    video.plug_in()
    until(lambda: heard.last() == ("normal", False))
    print(f"lost told after {told_s:.1f} s, back after {time.monotonic() - began:.1f} s")
    assert worker._process is process
    assert told_s < 12


def test_buffers_that_the_driver_drops_or_spoils_end_nothing(
    heard: Heard, watched: Callable[..., CameraWorker]
) -> None:
    worker = watched(section(video.WEBCAM))
    until(lambda: heard.last() == ("normal", False))
    process = worker._process
    video.control(video.WEBCAM, video.DROPPED, 60)
    for _ in range(20):
        video.control(video.WEBCAM, video.BAD_BUFFER, 1)
        time.sleep(0.5)
    assert worker.beat is not None
    before = worker.beat.looked_at
    until(lambda: worker.beat is not None and worker.beat.looked_at > before + 20)
    assert worker._process is process
    assert heard.last() == ("normal", False)


def test_a_camera_that_comes_back_at_another_size_keeps_its_lines(
    heard: Heard, watched: Callable[..., CameraWorker], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    video.timings(video.GRABBER, video.SMALL)
    watched(section(video.GRABBER, line=[{"id": "door", "name": "door", "line": [10, 400, 600, 400]}]))
    until(lambda: heard.last() == ("normal", False))
    video.pull_out()
    until(lambda: heard.last() == ("camera-lost", True))
    video.plug_in()  # it starts at 1280x720
    until(lambda: heard.last() == ("normal", False))
    until(lambda: "the picture is 1280x720 now: what was drawn on 640x480 is scaled to it" in caplog.text)


def test_a_camera_that_shows_nothing_is_told_and_told_again_when_it_sees(
    heard: Heard, watched: Callable[..., CameraWorker]
) -> None:
    video.control(video.WEBCAM, video.PATTERN, video.SQUARES)
    video.control(video.WEBCAM, video.MOVES, video.MOVES_SLOWLY)
    watched(section(video.WEBCAM))
    until(lambda: heard.last() == ("normal", False))
    video.control(video.WEBCAM, video.TEXT, video.NO_TEXT)
    for pattern, reason in ((video.BLACK, "black"), (video.WHITE, "over-exposed"), (video.RED, "covered")):
        video.control(video.WEBCAM, video.PATTERN, pattern)
        until(lambda reason=reason: heard.last() == (f"camera-{reason}", True), reason)
        video.control(video.WEBCAM, video.PATTERN, video.SQUARES)
        until(lambda: heard.last() == ("normal", False))
    video.control(video.WEBCAM, video.MOVES, video.STANDS)
    until(lambda: heard.last() == ("camera-frozen", True))
    video.control(video.WEBCAM, video.MOVES, video.MOVES_SLOWLY)
    until(lambda: heard.last() == ("normal", False))
