"""A picture of a live camera is there when it was sent, and one that begins late is waited for."""

from __future__ import annotations

import contextlib
import os
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from waiting import until

from config.cameras import CameraSection
from drivers.camera import Camera
from drivers.capture import UnreachedError, open_capture, read_picture
from drivers.errors import DriverError

Film = tuple[bytes, Sequence[bytes]]
OK = b"HTTP/1.0 200 OK\r\nContent-Type: video/avi\r\n\r\n"

AT_ONCE = 25  # FFmpeg looks at so many, at most, before it says that a stream is open
PICTURES = 40
STEP = 5  # of brightness, from one picture to the next


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    """An MPEG-4 stream, decoded as H.264 is: its head and its pictures, each brighter than the one before."""
    path = tmp_path_factory.mktemp("film") / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (320, 192))
    for number in range(PICTURES):
        writer.write(np.full((192, 320, 3), 30 + STEP * number, np.uint8))
    writer.release()
    return _taken_apart(path)


def _taken_apart(path: Path) -> Film:
    data = path.read_bytes()
    at = data.index(b"movi") + 4
    head, pictures = data[:at], list[bytes]()
    while data[at : at + 4] == b"00dc":
        length: int = struct.unpack_from("<I", data, at + 4)[0]
        end = at + 8 + length + length % 2
        pictures.append(data[at:end])
        at = end
    return head, pictures


@contextmanager
def camera(send: Callable[[socket.socket], None]) -> Generator[str]:
    """Serve every connection by `send`, once something was asked for."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                if self.request.recv(4096):
                    send(self.request)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/film.avi"
        finally:
            server.shutdown()
            thread.join(5)


def test_each_picture_is_given_before_the_next_one_is_sent(film: Film) -> None:
    head, pictures = film
    due = threading.Semaphore(AT_ONCE)

    def send(connection: socket.socket) -> None:
        connection.sendall(OK + head)
        for picture in pictures:
            due.acquire()
            connection.sendall(picture)
        due.acquire()

    with camera(send) as address:
        capture = open_capture(address)
        try:
            for number in range(PICTURES):
                picture = read_picture(capture, "gate-cam")
                assert picture is not None, f"picture {number} has been sent and is not given"
                assert abs(picture.mean() - (30 + STEP * number)) < STEP, number
                if number >= AT_ONCE - 1:
                    due.release()
        finally:
            due.release(PICTURES + 1)
            capture.release()


def test_a_camera_that_is_slow_to_show_its_first_picture_is_given_more_time_at_each_try(film: Film) -> None:
    head, pictures = film
    asked: list[float] = []

    def send(connection: socket.socket) -> None:
        asked.append(time.monotonic())
        time.sleep(1.5)  # until it makes a whole picture again, say
        connection.sendall(OK + head + b"".join(pictures))

    with camera(send) as address:
        section = CameraSection(id="gate", name="gate", source=address, open_timeout_s=0.5, read_timeout_s=0.5)
        with Camera(section) as slow:
            until(lambda: slow.seen > 0, within_s=20.0)
            assert slow.patience_s > 2.0  # it is known from here on
    assert len(asked) >= 3  # 0.5 s, 1 s, 2 s


@pytest.mark.parametrize(("took_s", "opened"), [(0.2, 1), (0.0, 2)], ids=["a time-out", "the stream's end"])
def test_the_first_picture_is_waited_for_unless_the_stream_ends(
    took_s: float, opened: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening: list[str] = []
    answers = iter([None, np.zeros((90, 160, 3), np.uint8)])

    def read(_capture: object, _name: str) -> object:
        if (answer := next(answers, None)) is None:
            time.sleep(took_s)
        return answer

    def open_once_more(*_limits: object) -> cv2.VideoCapture:
        opening.append("once more")
        return cv2.VideoCapture()

    monkeypatch.setattr("drivers.camera.open_capture", open_once_more)
    monkeypatch.setattr("drivers.camera.read_picture", read)
    section = CameraSection(id="gate", name="gate", source="rtsp://10.0.0.9/ch1", read_timeout_s=0.2)
    with Camera(section) as slow:
        until(lambda: slow.seen > 0, within_s=5.0)
        assert len(opening) == opened


def test_a_machine_that_is_off_is_told_from_a_camera_that_gives_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(UnreachedError) as refused:
        open_capture(f"rtsp://admin:secret@127.0.0.1:{port}/ch1")
    assert str(refused.value) == (
        f"rtsp://***@127.0.0.1:{port}/ch1: cannot be reached: Connection refused: is the camera on, and is this its "
        "address?"
    )
    with pytest.raises(DriverError, match=r"^rtsp://\*\*\*@gate:x/ch1: is no address of a camera: rtsp://"):
        open_capture("rtsp://admin:secret@gate:x/ch1")


@pytest.mark.parametrize(("size", "cores"), [((1280, 720), 1), ((1920, 1080), os.cpu_count())])
def test_a_large_picture_is_decoded_by_all_cores(size: tuple[int, int], cores: int, tmp_path: Path) -> None:
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10.0, size)
    for _ in range(3):
        writer.write(np.full((size[1], size[0], 3), 90, np.uint8))
    writer.release()
    capture = open_capture(str(path))
    assert capture.get(cv2.CAP_PROP_N_THREADS) == cores
    assert read_picture(capture, "gate-cam") is not None
    capture.release()
