"""Clients that are slow on purpose, and pages by the thousand: the wall of whoever is logged in stays live."""

from __future__ import annotations

import os
import resource
import selectors
import socket
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import httpx
import pytest
from ports import free_port
from serving import ServerProcess, add_user, logged_in, sse, write_config

from server.patience import HEAD_S, Addresses

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    tmp_path = tmp_path_factory.mktemp("server")
    http_port, mqtt_port = free_port(), free_port()
    config = write_config(tmp_path, http_port=http_port, mqtt_port=mqtt_port, embedded=True)
    add_user(tmp_path / "data", "tester", "gatekeeper")
    process = ServerProcess(config, http_port)
    process.start()
    yield process
    process.end()


@contextmanager
def connected(server: ServerProcess, count: int, text: bytes) -> Generator[list[socket.socket]]:
    """Open connections and say the same on each."""
    port = int(server.base.rsplit(":", 1)[1])
    opened: list[socket.socket] = []
    try:
        for _ in range(count):
            one = socket.create_connection(("127.0.0.1", port), timeout=30)
            one.sendall(text)
            opened.append(one)
        yield opened
    finally:
        for one in opened:
            one.close()


def ticks(client: httpx.Client, count: int) -> list[float]:
    """Return the seconds between ticks of the live stream: a page turns red after 4 without one."""
    gaps: list[float] = []
    last = time.monotonic()
    for name, _, _ in sse(client):
        if name == "tick":
            now = time.monotonic()
            gaps.append(now - last)
            last = now
            if len(gaps) >= count:
                break
    return gaps[1:]


def test_half_a_request_is_not_waited_for_and_a_wall_does_not_notice(server: ServerProcess) -> None:
    half = b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "
    with logged_in(server.base) as client, connected(server, 300, half) as slow:
        assert max(ticks(client, 5)) < 20.0
        deadline = time.monotonic() + HEAD_S + 30
        for one in slow:
            one.settimeout(max(0.1, deadline - time.monotonic()))
            try:
                assert one.recv(100) == b""
            except ConnectionError:
                pass  # cut off


def test_a_byte_now_and_then_buys_no_time(server: ServerProcess) -> None:
    with connected(server, 1, b"GET / HTTP/1.1\r\n") as [slow]:
        began = time.monotonic()
        try:
            while time.monotonic() - began < HEAD_S + 30:
                slow.sendall(b"X: y\r\n")
                time.sleep(0.5)
        except ConnectionError:
            return
        pytest.fail("it was waited for")


def test_one_address_has_so_many_connections_and_this_machine_is_not_counted() -> None:
    addresses = Addresses(2)
    assert [addresses.enter("10.0.0.9") for _ in range(3)] == [True, True, False]
    assert addresses.enter("10.0.0.8")
    assert all(addresses.enter("127.0.0.1") for _ in range(100))
    addresses.leave("10.0.0.9")
    addresses.leave("10.0.0.9")
    assert addresses.enter("10.0.0.9")


@contextmanager
def idle_pages(server: ServerProcess, client: httpx.Client, count: int) -> Generator[set[int]]:
    """Open streams that read what comes and do nothing else; gives which of them have got something."""
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    text = f"GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode()
    read: set[int] = set()
    stop = threading.Event()
    with connected(server, count, text) as pages, selectors.DefaultSelector() as ready:
        for page in pages:
            page.settimeout(0)
            ready.register(page, selectors.EVENT_READ)

        def take() -> None:
            while not stop.is_set():
                for key, _ in ready.select(0.2):
                    assert isinstance(key.fileobj, socket.socket)
                    data = key.fileobj.recv(65536)
                    if data:
                        read.add(key.fd)
                    else:
                        ready.unregister(key.fileobj)

        reader = threading.Thread(target=take)
        reader.start()
        try:
            yield read
        finally:
            stop.set()
            reader.join(30)


def live_beside(server: ServerProcess, count: int, longest_s: float) -> list[float]:
    """Return the gaps between ticks of a wall that was there first, until every idle page has something and 5 s on."""
    gaps: list[float] = []
    stop = threading.Event()
    with logged_in(server.base) as client, logged_in(server.base) as crowd:

        def look() -> None:
            last = time.monotonic()
            for name, _, _ in sse(client):
                if name == "tick":
                    gaps.append(time.monotonic() - last)
                    last = time.monotonic()
                if stop.is_set():
                    return

        wall = threading.Thread(target=look)
        wall.start()
        try:
            with idle_pages(server, crowd, count) as read:
                deadline = time.monotonic() + longest_s
                while len(read) < count and time.monotonic() < deadline:
                    time.sleep(0.2)
                time.sleep(5.0)
                served = len(read)
        finally:
            stop.set()
            wall.join(60)
    print(f"{served:,} of {count:,} idle pages served; {len(gaps)} ticks, {max(gaps):.2f} s apart at most")
    assert served == count
    return gaps


def test_three_hundred_idle_pages_leave_a_wall_live(server: ServerProcess) -> None:
    assert max(live_beside(server, 300, 60.0)) < 20.0


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_ten_thousand_idle_pages_leave_a_wall_live(server: ServerProcess) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    live_beside(server, min(int(os.environ.get("CAMPUS_PAGES", "10000")), most - 500), 600.0)
