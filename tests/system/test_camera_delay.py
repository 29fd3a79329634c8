"""A picture of a live camera is there when it was sent, not when the ones after it came."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from drivers.capture import open_capture, read_picture

AT_ONCE = 25  # FFmpeg looks at so many, at most, before it says that a stream is open
PICTURES = 40
STEP = 5  # of brightness, from one picture to the next


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Sequence[bytes]]:
    """An MPEG-4 stream, decoded as H.264 is: its head and its pictures, each brighter than the one before."""
    path = tmp_path_factory.mktemp("film") / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (320, 192))
    for number in range(PICTURES):
        writer.write(np.full((192, 320, 3), 30 + STEP * number, np.uint8))
    writer.release()
    return _taken_apart(path)


def _taken_apart(path: Path) -> tuple[bytes, Sequence[bytes]]:
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
def camera(film: tuple[bytes, Sequence[bytes]]) -> Generator[tuple[str, threading.Semaphore]]:
    """Send the first pictures at once, and one more whenever the semaphore is released."""
    head, pictures = film
    due = threading.Semaphore(AT_ONCE)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def send() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: video/avi\r\n\r\n" + head)
                for picture in pictures:
                    due.acquire()
                    connection.sendall(picture)
                due.acquire()

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/film.avi", due
        finally:
            due.release(PICTURES + 1)
            sender.join(5)


def test_each_picture_is_given_before_the_next_one_is_sent(film: tuple[bytes, Sequence[bytes]]) -> None:
    with camera(film) as (address, due):
        capture = open_capture(address)
        for number in range(PICTURES):
            picture = read_picture(capture, "gate-cam")
            assert picture is not None, f"picture {number} has been sent and is not given"
            assert abs(picture.mean() - (30 + STEP * number)) < STEP, number
            if number >= AT_ONCE - 1:
                due.release()
        capture.release()


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
