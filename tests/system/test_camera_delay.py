"""A picture of a live camera is there when it was sent, and one that begins late is waited for."""

from __future__ import annotations

import contextlib
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
from drivers.camera import LOST_S, Camera
from drivers.capture import KNOCK_S, UnreachedError, open_capture, read_picture
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
            until(lambda: slow.seen > 0)
            assert slow.patience_s >= 2 * (KNOCK_S + 2.0) + 0.5 + LOST_S  # it is known from here on
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
        until(lambda: slow.seen > 0)
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


@pytest.mark.parametrize("place", ["gate:x", "10.0.0..9", "[::1"])
def test_an_address_that_is_none_is_one_line_without_its_password(place: str) -> None:
    with pytest.raises(DriverError) as refused:
        open_capture(f"rtsp://admin:sec：ret[1]@{place}/ch1")
    assert str(refused.value) == (
        f"rtsp://***@{place}/ch1: is no address of a camera: rtsp://user@10.0.0.9:554/path is one"
    )
    assert refused.value.__cause__ is None


def _open_in_vain(address: str) -> None:
    with contextlib.suppress(DriverError):
        open_capture(address, 20.0)


def test_two_addresses_are_opened_beside_each_other(film: Film, tmp_path: Path) -> None:
    path = tmp_path / "film.avi"
    path.write_bytes(film[0] + b"".join(film[1]))
    asked, over = threading.Event(), threading.Event()

    def say_nothing(_connection: socket.socket) -> None:
        asked.set()
        over.wait(30)

    with camera(say_nothing) as address:
        slow = threading.Thread(target=_open_in_vain, args=(address,))
        slow.start()
        assert asked.wait(30)
        assert read_picture(open_capture(str(path)), "gate-cam") is not None
        assert slow.is_alive(), "the other one was waited for"
        over.set()
        slow.join(30)


def test_a_camera_both_of_whose_streams_give_nothing_is_left_in_peace(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[float] = []

    def nothing(*_limits: object) -> cv2.VideoCapture:
        tried.append(time.monotonic())
        raise UnreachedError("gate: cannot be reached")

    monkeypatch.setattr("drivers.camera.open_capture", nothing)
    monkeypatch.setattr("drivers.camera.BACKOFF_S", (0.05, 0.1, 0.2, 0.4))
    section = CameraSection.model_validate(
        {"id": "gate", "name": "gate", "source": "rtsp://10.0.0.9/main", "detect_source": "rtsp://10.0.0.9/sub"}
        | {"drawn_on": (320, 180)}
    )
    with Camera(section) as off:
        until(lambda: len(tried) >= 8)
        assert off.stuck_s() < 1.0
    assert tried[7] - tried[2] >= 5 * 0.4 - 0.1  # only the first change to the main stream was at once


@pytest.mark.parametrize(("size", "cores"), [((1280, 720), 1), ((1920, 1080), min(cv2.getNumberOfCPUs(), 16))])
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
