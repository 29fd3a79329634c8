"""Tell systemd that the server is ready and alive (sd_notify); nothing happens where nobody listens."""

from __future__ import annotations

import os
import socket


def notify(message: str) -> None:
    """Send one message, e.g. READY=1 or WATCHDOG=1, to the service manager that started us."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.settimeout(1.0)
        try:
            sock.sendto(message.encode(), address)
        except OSError:
            return  # the manager is restarting itself: the next one will arrive
