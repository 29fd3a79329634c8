"""The bad line itself: what the fault tests stand on must do what it says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from system.chaos import FINE, HALF_OPEN, ChaosLine, Weather


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.1)
    stop = threading.Event()

    def serve() -> None:
        ends: list[socket.socket] = []
        while not stop.is_set():
            try:
                ends.append(server.accept()[0])
                ends[-1].settimeout(0.1)
            except TimeoutError:
                pass
            for end in ends:
                try:
                    end.sendall(end.recv(100))
                except OSError:
                    continue
        for end in (*ends, server):
            end.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield server.getsockname()
    stop.set()
    thread.join(5)


def _said(end: socket.socket, text: bytes) -> bytes:
    end.sendall(text)
    return end.recv(100)


def test_a_fine_line_carries(echo: tuple[str, int]) -> None:
    with ChaosLine(echo, seed=1) as line, socket.create_connection(("127.0.0.1", line.port), 3) as end:
        assert _said(end, b"abc") == b"abc"


def test_a_half_open_line_is_silent_and_heals(echo: tuple[str, int]) -> None:
    with ChaosLine(echo, seed=1) as line, socket.create_connection(("127.0.0.1", line.port), 3) as end:
        line.set(HALF_OPEN)
        end.sendall(b"abc")
        end.settimeout(0.3)
        with pytest.raises(TimeoutError):
            end.recv(100)
        line.set(FINE)
        end.settimeout(3)
        assert end.recv(100) == b"abc"


def test_a_refusing_line_cuts_what_stands(echo: tuple[str, int]) -> None:
    with ChaosLine(echo, seed=1) as line, socket.create_connection(("127.0.0.1", line.port), 3) as end:
        assert _said(end, b"abc") == b"abc"
        line.set(Weather(refuse=True))
        try:
            assert end.recv(100) == b""
        except ConnectionResetError:
            pass  # cut either way
