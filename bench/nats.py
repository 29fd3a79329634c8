"""A broker of its own for a benchmark: the embedded one, on a free port of loopback."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


def free_port() -> int:
    """A TCP port nobody uses now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def broker(folder: Path) -> Generator[int]:
    """Run nats-server with its files in the folder; give its MQTT port."""
    port = free_port()
    file = folder / "nats.conf"
    file.write_text(
        f"listen: 127.0.0.1:{free_port()}\nserver_name: bench\n"
        f'jetstream {{ store_dir: "{folder / "js"}" }}\nmqtt {{ host: 127.0.0.1, port: {port} }}\n',
        encoding="utf-8",
    )
    process = subprocess.Popen(
        [Path(sys.executable).parent / "nats-server", "-c", file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        await_port(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def await_port(port: int) -> None:
    """Wait until somebody listens."""
    for _ in range(500):
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError("the broker did not start")
