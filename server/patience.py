"""How long the web server waits for those who are slow, and how many connections one address may have."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from collections import Counter
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from config.hosts import is_loopback

HEAD_S = 10.0  # from the connection, or a request's first byte, to the end of its head
WHOLE_S = 60.0  # to the end of its body


class Addresses:
    """Counts connections by address. A proxy on this machine stands for many and is not counted."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: Counter[str] = Counter()

    def enter(self, address: str) -> bool:
        """Count a connection; tell whether its address may have it."""
        if not address or is_loopback(address):
            return True
        self._counts[address] += 1
        return self._counts[address] <= self._most

    def leave(self, address: str) -> None:
        """Forget a connection that was counted."""
        if self._counts[address] > 1:
            self._counts[address] -= 1
        else:
            del self._counts[address]


class Patient(H11Protocol):
    """uvicorn's own, which waits for ever between the first byte of a request and its last; this one does not."""

    addresses: ClassVar[Addresses]
    head_s: ClassVar[float] = HEAD_S
    whole_s: ClassVar[float] = WHOLE_S
    _timer: asyncio.TimerHandle | None = None
    _in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Count it, and begin to wait for its first request."""
        super().connection_made(transport)
        if self.addresses.enter(self._address):
            self._wait(self.head_s)
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._wait(None)
        self.addresses.leave(self._address)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Wait for the rest of a request, but not longer for each byte of it."""
        if self._timer is None and self.conn.their_state is h11.IDLE:
            self._wait(self.head_s)
        super().data_received(data)
        state = self.conn.their_state
        if state is h11.SEND_BODY and not self._in_body:
            self._in_body = True
            self._wait(self.whole_s)
        elif state not in (h11.IDLE, h11.SEND_BODY):
            self._in_body = False
            self._wait(None)  # it is our turn now

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else ""

    def _wait(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self.transport.abort)


def patient(most_an_address: int) -> type[Patient]:
    """Make the protocol of one server."""

    class Own(Patient):
        addresses = Addresses(most_an_address)

    return Own


def make_room() -> None:
    """Let this process have as many connections as the system allows it: a shell's usual limit is 1024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
