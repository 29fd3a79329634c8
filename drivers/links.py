"""Byte links: a serial line and a TCP connection that look the same to a protocol."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from typing import TYPE_CHECKING, Protocol

from drivers.errors import DriverError, cause_of, device_cause_of, reason_of

if TYPE_CHECKING:
    from pathlib import Path

    import serial

SLICE_S = 0.2
"""Longest single wait, in seconds: `close` from another thread is noticed within it."""
CHUNK = 4096


class Link(Protocol):
    """Bytes to and from one device or bus."""

    name: str

    def open(self) -> None:
        """Open it; raise DriverError when it is not there."""
        ...

    def send(self, data: bytes) -> None:
        """Send all of it; raise DriverError when the link is lost."""
        ...

    def receive(self, timeout_s: float) -> bytes:
        """Return what has come, b"" after the time-out; raise DriverError when the link is lost."""
        ...

    def drain(self) -> bytes:
        """Throw away what came unasked for; return it."""
        ...

    def close(self) -> None:
        """Close it, from any thread; harmless when closed."""
        ...


class SerialLink:
    """A serial line, best named by its `/dev/serial/by-id/…` path, which survives replugging."""

    def __init__(self, name: str, port: Path | str, baud: int, parity: str = "N", stop_bits: int = 1) -> None:
        self.name = name
        self._port = port
        self._baud = baud
        self._parity = parity
        self._stop_bits = stop_bits
        self._serial: serial.Serial | None = None
        self._closed = threading.Event()

    def open(self) -> None:
        """Open the port for us alone."""
        import serial  # noqa: PLC0415 - hardware libraries load when a driver is made

        self._closed.clear()
        try:
            self._serial = serial.Serial(
                str(self._port),
                self._baud,
                parity=self._parity,
                stopbits=self._stop_bits,
                timeout=0,
                write_timeout=1.0,
                exclusive=True,
            )
        except (OSError, ValueError) as e:
            raise DriverError(f"{self.name}: {self._port} cannot be opened: {device_cause_of(e)}", reason_of(e)) from e
        self.drain()

    def send(self, data: bytes) -> None:
        """Send all of it."""
        port = self._opened()
        try:
            port.write(data)
        except (OSError, TypeError) as e:  # TypeError: pyserial after a close from another thread
            raise self._lost(e) from e

    def receive(self, timeout_s: float) -> bytes:
        """Return what has come within the time-out."""
        port = self._opened()
        try:
            left = timeout_s
            while not self._closed.is_set():
                if select.select([port.fileno()], [], [], min(left, SLICE_S))[0]:
                    return port.read(CHUNK)
                left -= SLICE_S
                if left <= 0:
                    return b""
        except (OSError, ValueError, TypeError) as e:  # the last two: closed from another thread
            raise self._lost(e) from e
        raise DriverError(f"{self.name}: {self._port} is closed")

    def drain(self) -> bytes:
        """Throw away what came unasked for."""
        port = self._opened()
        try:
            return port.read(CHUNK)
        except (OSError, TypeError) as e:
            raise self._lost(e) from e

    def close(self) -> None:
        """Give the port back."""
        self._closed.set()
        if self._serial is not None:
            self._serial.close()
            self._serial = None

    def _lost(self, error: Exception) -> DriverError:
        """A port that was open and fails was pulled out, whatever words the library has for it."""
        return DriverError(
            f"{self.name}: {self._port} is lost: {device_cause_of(error)}", reason_of(error, "unplugged")
        )

    def _opened(self) -> serial.Serial:
        if self._serial is None:
            raise DriverError(f"{self.name}: {self._port} is not open")
        return self._serial


class TcpLink:
    """A TCP connection that we make."""

    def __init__(self, name: str, host: str, port: int, timeout_s: float) -> None:
        self.name = name
        self._where = (host, port)
        self._timeout_s = timeout_s
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Connect within the time-out."""
        try:
            self._socket = socket.create_connection(self._where, self._timeout_s)
        except OSError as e:
            raise DriverError(f"{self.name}: {self._address} cannot be reached: {cause_of(e)}", reason_of(e)) from e
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes) -> None:
        """Send all of it."""
        connection = self._opened()
        try:
            connection.settimeout(self._timeout_s)
            connection.sendall(data)
        except OSError as e:
            raise DriverError(f"{self.name}: {self._address} is lost: {cause_of(e)}", reason_of(e)) from e

    def receive(self, timeout_s: float) -> bytes:
        """Return what has come within the time-out."""
        connection = self._opened()
        try:
            connection.settimeout(max(timeout_s, 0.001))
            data = connection.recv(CHUNK)
        except TimeoutError:
            return b""
        except OSError as e:
            raise DriverError(f"{self.name}: {self._address} is lost: {cause_of(e)}", reason_of(e)) from e
        if not data:
            raise DriverError(f"{self.name}: {self._address} closed the connection", "hung-up")
        return data

    def drain(self) -> bytes:
        """Throw away what came unasked for."""
        connection = self._opened()
        if not select.select([connection], [], [], 0)[0]:
            return b""
        return self.receive(0.001)

    def close(self) -> None:
        """Hang up; a blocked `receive` ends."""
        if self._socket is not None:
            connection, self._socket = self._socket, None
            with contextlib.suppress(OSError):  # the other side was faster
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    @property
    def _address(self) -> str:
        return f"{self._where[0]}:{self._where[1]}"

    def _opened(self) -> socket.socket:
        if self._socket is None:
            raise DriverError(f"{self.name}: {self._address} is not connected")
        return self._socket
