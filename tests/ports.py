"""A free TCP port of loopback, for what a test starts."""

from __future__ import annotations

import socket


def free_port() -> int:
    """A TCP port nobody uses now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
