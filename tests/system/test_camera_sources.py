"""Cameras on the network that stall, come back at another size, say nothing, or are none."""

from __future__ import annotations

import logging
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from picture_servers import Mjpeg, Rtsp, Scene, noisy
from supervised_cameras import supervised
from waiting import until

from agent.camera_worker import CameraWorker
from agent.intake import Instant
from config.cameras import CameraSection, LineSection
from detectors.findings import Event, Finding
from drivers.camera import Camera
from drivers.errors import DriverError
from drivers.samples import Frame


def section(source: str, **more: object) -> CameraSection:
    fields = {"id": "gate", "name": "gate", "source": source, "open_timeout_s": 2.0, "read_timeout_s": 1.0, **more}
    return CameraSection.model_validate(fields)


def first(camera: Camera, wanted: Callable[[Frame], bool], within_s: float = 60.0) -> Frame:
    """Read on until a picture is as wanted."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            frames = camera.read()
        except DriverError:
            continue
        for frame in frames:
            if wanted(frame):
                return frame
    pytest.fail("no such picture came")


def trouble(camera: Camera, word: str, within_s: float = 60.0) -> str:
    """Read on until the camera says what is wrong, in these words."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            camera.read()
        except DriverError as e:
            if word in str(e):
                return str(e)
    pytest.fail(f"nothing was said of {word!r}")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Call a camera lost sooner than anybody would."""
    monkeypatch.setattr("drivers.camera.LOST_S", 1.0)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("kind", [Mjpeg, Rtsp])
def test_a_camera_that_stalled_comes_back_at_another_size(kind: type[Mjpeg | Rtsp]) -> None:
    scene = Scene(noisy(320, 240))
    with kind(scene) as server, Camera(section(server.url, privacy=[[0, 0, 160, 0, 160, 120, 0, 120]])) as camera:
        assert first(camera, lambda _: True).image.shape == (240, 320, 3)
        scene.stalled.set()
        said = trouble(camera, "gate: ")
        assert said.startswith("gate: ")
        assert "secret" not in said
        scene.restart(noisy(640, 480))
        scene.stalled.clear()
        frame = first(camera, lambda frame: frame.image.shape == (480, 640, 3))
        assert frame.drawn_on == (320, 240)
        assert not frame.image[:230, :310].any()  # what is private is scaled too
        assert frame.image[250:, 330:].mean() > 50


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_an_address_that_accepts_and_then_says_nothing_is_given_up_in_time(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with Camera(section(f"{scheme}://admin:secret@127.0.0.1:{port}/ch1")) as camera:
            said = trouble(camera, "can be read")
    assert (
        said == f"gate: {scheme}://***@127.0.0.1:{port}/ch1: no picture can be read from it: user, password and path?"
    )


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("device", "words"),
    [
        pytest.param("/dev/video77", "there is no such device: is the camera plugged in?", id="an unplugged camera"),
        pytest.param(
            "/dev/null", "no picture can be read from it: is it a camera, and free?", id="a device that is none"
        ),
    ],
)
def test_a_device_without_a_picture_is_one_clear_line_and_tried_again(device: str, words: str) -> None:
    with Camera(section(device)) as camera:
        assert trouble(camera, device) == f"gate: {device}: {words}"


class Heard:
    """Keeps what workers find."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def __call__(self, finding: Finding, now: Instant) -> None:
        self.findings.append(finding)

    def faults(self, point: str = "gate") -> list[tuple[str, bool]]:
        events = [f for f in self.findings if isinstance(f, Event) and f.kind == "fault" and f.point == point]
        return [(event.reason, event.active) for event in events]


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def watched(heard: Heard) -> Iterator[Callable[..., CameraWorker]]:
    """Workers under the real supervisor."""
    with supervised(heard) as watch:
        yield watch


STUBBORN = """
import signal, time, sys
for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
with open(sys.argv[1], "a") as starts:
    starts.write("started\\n")
while True:
    time.sleep(1)
"""
IGNORES_ALL = (sys.executable, "-c", STUBBORN)


def test_a_process_that_ignores_everything_is_killed_and_started_again(
    watched: Callable[..., CameraWorker], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.camera_worker.START_S", 1.0)
    starts = tmp_path / "starts"
    worker = watched(section("x"), (*IGNORES_ALL, str(starts)))
    until(lambda: starts.exists() and len(starts.read_text().splitlines()) >= 2)
    assert worker.alive()


def test_a_stopped_camera_process_is_replaced_and_sees_again(
    heard: Heard, watched: Callable[..., CameraWorker]
) -> None:
    del heard
    with Mjpeg(Scene(noisy(320, 240))) as server:
        worker = watched(section(server.url))
        until(lambda: worker.beat is not None and worker.beat.looked_at > 3)
        process = worker._process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        until(lambda: worker._process is not process and worker.beat is not None and worker.beat.looked_at > 3)
        assert process.returncode == -signal.SIGKILL


def test_black_and_frozen_pictures_and_a_change_of_size_are_said_by_the_real_process(
    heard: Heard, watched: Callable[..., CameraWorker], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    scene = Scene(noisy(320, 240))
    line = LineSection(id="door", name="door", line=(10, 200, 300, 200))
    beside = LineSection(id="beside", name="beside", line=(400, 10, 400, 90))
    with Mjpeg(scene) as server:
        watched(section(server.url, line=[line.model_dump(), beside.model_dump()]))
        until(lambda: heard.faults() == [("normal", False)])
        assert heard.faults("door") == [("normal", False)]
        assert heard.faults("beside") == [("outside-picture", True)]
        until(lambda: "gate: 'beside' lies outside the picture, which is 320x240 pixels: draw it again" in caplog.text)
        scene.change(noisy(320, 240, 0.0))
        until(lambda: heard.faults()[-1] == ("camera-black", True))
        scene.restart(noisy(640, 480))
        until(lambda: heard.faults()[-1] == ("normal", False))
        until(lambda: "gate: the picture is 640x480 now: what was drawn on 320x240 is scaled to it" in caplog.text)
        still = noisy(640, 480)(1)
        scene.change(lambda _: still)
        until(lambda: heard.faults()[-1] == ("camera-frozen", True))
        scene.change(noisy(640, 480))
        until(lambda: heard.faults()[-1] == ("normal", False))


WRITES = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|\b(creat|rename|renameat2?|link|linkat|symlink|mkdir|mkdirat|mknod)\(")


def test_a_camera_process_writes_no_file(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not on this machine: apt install strace")
    calls = (
        "trace=open,openat,openat2,creat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,mkdir,mkdirat,mknod"
    )
    log = tmp_path / "calls"
    line = LineSection(id="door", name="door", line=(10, 200, 300, 200))
    with Mjpeg(Scene(noisy(320, 240))) as server:
        command = [strace, "-f", "-e", calls, "-e", "signal=none", "-o", str(log), sys.executable, "-m", "agent.camera"]
        camera = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert camera.stdin is not None
        assert camera.stdout is not None
        camera.stdin.write(section(server.url, line=[line.model_dump()]).model_dump_json() + "\n")
        camera.stdin.write('{"id": "look", "section": null}\n')
        camera.stdin.flush()
        said = [next(text for text in camera.stdout if '"is": "picture"' in text)]
        said += [next(text for text in camera.stdout if '"is": "beat"' in text) for _ in range(6)]
        camera.stdin.close()
        camera.wait(30)
        camera.stdout.close()
    assert all(said)
    made = [text for text in log.read_text(encoding="utf-8").splitlines() if WRITES.search(text)]
    harmless = ("__pycache__", '"/dev/null"', "= -1 E")  # Python's own compiled modules; what failed wrote nothing
    assert [text for text in made if not any(word in text for word in harmless)] == []
