"""As much of an MQTT 3.1.1 client as a simulated agent needs, so that a thousand fit into one process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

KEEPALIVE_S = 60


class Client(asyncio.Protocol):
    """One connection. Publishes at quality 0 or 1 and does not repeat: what needs a receipt is sent again anyway."""

    def __init__(self, name: str, hear: Callable[[str, bytes], None]) -> None:
        self.name, self._hear = name, hear
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lost = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._data = b""
        self._mid = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        body = _text("MQTT") + bytes([4, 2]) + KEEPALIVE_S.to_bytes(2, "big") + _text(self.name)
        transport.write(_packet(0x10, body))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._transport = None
        self.lost.set()
        if not self.ready.done():
            self.ready.set_exception(OSError(f"{self.name}: connection lost"))

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (whole := _length(self._data)) is not None and len(self._data) >= sum(whole):
            header, size = whole
            body, kind = self._data[header : header + size], self._data[0]
            self._data = self._data[header + size :]
            self._take(kind, body)

    def _take(self, kind: int, body: bytes) -> None:
        match kind >> 4:
            case 2 if not self.ready.done():
                self.ready.set_result(None)
            case 3:
                size = int.from_bytes(body[:2], "big")
                start = 2 + size + (2 if kind & 6 else 0)
                if kind & 6 and self._transport is not None:
                    self._transport.write(_packet(0x40, body[2 + size : start]))
                self._hear(body[2 : 2 + size].decode(), body[start:])
            case _:
                pass

    def subscribe(self, topic: str, quality: int) -> None:
        self._write(_packet(0x82, self._next() + _text(topic) + bytes([quality])))

    def publish(self, topic: str, body: bytes, quality: int = 0, *, retain: bool = False) -> None:
        mid = self._next() if quality else b""
        self._write(_packet(0x30 | quality << 1 | retain, _text(topic) + mid + body))

    def drop(self) -> None:
        """Be gone without a word, as at a power cut."""
        if self._transport is not None:
            self._transport.abort()

    def _next(self) -> bytes:
        self._mid = self._mid % 65_535 + 1
        return self._mid.to_bytes(2, "big")

    def _write(self, packet: bytes) -> None:
        if self._transport is not None:
            self._transport.write(packet)


async def connect(port: int, name: str, hear: Callable[[str, bytes], None]) -> Client:
    """Connect to a broker on loopback; raise OSError where it refuses or does not answer in 20 s."""
    _, client = await asyncio.get_running_loop().create_connection(lambda: Client(name, hear), "127.0.0.1", port)
    try:
        await asyncio.wait_for(client.ready, 20)
    except TimeoutError as e:
        client.drop()
        raise OSError(f"{name}: the broker does not answer") from e
    return client


def _text(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(2, "big") + data


def _packet(kind: int, body: bytes) -> bytes:
    size, left = b"", len(body)
    while True:
        left, digit = left >> 7, left & 127
        size += bytes([digit | (128 if left else 0)])
        if not left:
            return bytes([kind]) + size + body


def _length(data: bytes) -> tuple[int, int] | None:
    """Size of the header and of the rest of the first packet; None where they are not there yet."""
    size = 0
    for i, digit in enumerate(data[1:5]):
        size |= (digit & 127) << 7 * i
        if digit < 128:
            return i + 2, size
    return None
