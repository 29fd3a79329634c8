"""Who talks to us: many TCP callers, or the one other end of a link. Bytes come with the number of their peer."""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from config.panels import AlarmHostBus, PanelBus
from drivers.errors import DriverError, cause_of, reason_of
from drivers.links import CHUNK, SLICE_S, Link, SerialLink, TcpLink

MOST_PEERS = 16


@dataclass(frozen=True, slots=True)
class Arrival:
    """Bytes of a peer; b"" when it hung up."""

    peer: int
    data: bytes


class Peers(Protocol):
    """All that may talk to one driver."""

    at_once: tuple[int, ...]
    """Peers that are there as soon as it is open: the one other end, no caller."""

    def open(self) -> None:
        """Listen or connect; raise DriverError when that cannot be."""
        ...

    def receive(self, timeout_s: float) -> Sequence[Arrival]:
        """Return what came within the time-out; raise DriverError when all is lost."""
        ...

    def send(self, peer: int, data: bytes) -> None:
        """Answer a peer; one that is gone is no error."""
        ...

    def close(self) -> None:
        """Close everything, from any thread."""
        ...


def peers_of(bus: PanelBus | AlarmHostBus) -> Peers:
    """Make what the bus's mode asks for."""
    match bus.mode:
        case "listen":
            return Callers(bus.name, bus.host, bus.tcp_port, bus.allow)
        case "connect":
            return OneEnd(TcpLink(bus.name, bus.host, bus.tcp_port, bus.connect_timeout_s))
        case "serial":
            return OneEnd(SerialLink(bus.name, bus.port or "", bus.baud))


class OneEnd:
    """The one other end of a link."""

    at_once: tuple[int, ...] = (0,)

    def __init__(self, link: Link) -> None:
        self._link = link

    def open(self) -> None:
        """Open the link."""
        self._link.open()

    def receive(self, timeout_s: float) -> Sequence[Arrival]:
        """Return what came."""
        data = self._link.receive(timeout_s)
        return [Arrival(0, data)] if data else []

    def send(self, peer: int, data: bytes) -> None:
        """Answer it."""
        del peer
        self._link.send(data)

    def close(self) -> None:
        """Close the link."""
        self._link.close()


class Callers:
    """A TCP port that panels connect to; at most MOST_PEERS at once, the longest silent makes room."""

    at_once: tuple[int, ...] = ()

    def __init__(self, name: str, host: str, port: int, allow: Sequence[str] = ()) -> None:
        self.name = name
        self._where = (host, port)
        self._allow = allow
        self._listener: socket.socket | None = None
        self._callers: dict[int, socket.socket] = {}  # in the order they last spoke
        self._next = 1

    @property
    def port(self) -> int:
        """The TCP port, also where 0 asked for any."""
        return self._listener.getsockname()[1] if self._listener is not None else self._where[1]

    def open(self) -> None:
        """Listen."""
        try:
            self._listener = socket.create_server(self._where)
        except OSError as e:
            where = f"{self._where[0]}:{self._where[1]}"
            raise DriverError(f"{self.name}: cannot listen on {where}: {cause_of(e)}", reason_of(e)) from e

    def receive(self, timeout_s: float) -> Sequence[Arrival]:
        """Return what callers said within the time-out."""
        left = timeout_s
        while True:
            listener = self._listener
            if listener is None:
                raise DriverError(f"{self.name}: closed")
            try:
                ready = select.select([listener, *self._callers.values()], [], [], min(left, SLICE_S))[0]
            except (OSError, ValueError) as e:  # closed from another thread
                raise DriverError(f"{self.name}: closed") from e
            arrivals = [a for peer in list(self._callers) if self._callers[peer] in ready for a in self._hear(peer)]
            if listener in ready:
                arrivals += self._accept(listener)
            left -= SLICE_S
            if arrivals or left <= 0:
                return arrivals

    def send(self, peer: int, data: bytes) -> None:
        """Answer a caller; one that is gone or does not listen is hung up on."""
        caller = self._callers.get(peer)
        if caller is not None:
            try:
                caller.sendall(data)
            except OSError:
                self._hang_up(peer)

    def close(self) -> None:
        """Hang up on all and stop listening."""
        for peer in list(self._callers):
            self._hang_up(peer)
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _hear(self, peer: int) -> list[Arrival]:
        caller = self._callers.pop(peer)
        try:
            data = caller.recv(CHUNK)
        except OSError:
            data = b""
        if data:
            self._callers[peer] = caller
        else:
            caller.close()
        return [Arrival(peer, data)]

    def _accept(self, listener: socket.socket) -> list[Arrival]:
        try:
            caller, address = listener.accept()
        except OSError:
            return []
        if self._allow and address[0] not in self._allow:
            caller.close()
            return []
        caller.settimeout(1.0)
        gone: list[Arrival] = []
        if len(self._callers) >= MOST_PEERS:
            oldest = next(iter(self._callers))
            self._hang_up(oldest)
            gone = [Arrival(oldest, b"")]
        self._callers[self._next] = caller
        self._next += 1
        return gone

    def _hang_up(self, peer: int) -> None:
        with contextlib.suppress(OSError, KeyError):
            self._callers.pop(peer).close()
