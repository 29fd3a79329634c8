"""A pretend transmission device of a fire panel: speaks GB/T 26875.3 over a socket or a serial line."""

from __future__ import annotations

import os
import select
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from drivers import gb26875

ADDRESS = bytes.fromhex("0000000004D2")[::-1]
NOON = datetime(2026, 1, 2, 12, 0, 0)  # noqa: DTZ001 - a panel names no zone


class FirePanel:
    """Knows the state bits of its parts (system 3); answers what it is asked unless `deaf`, and tells changes."""

    def __init__(self, *, deaf: bool = False) -> None:
        self.parts: dict[int, int] = {}
        self.asked: list[tuple[int, int]] = []  # (type, how many objects)
        self.confirmed = 0
        self.deaf = deaf
        self._held = b""

    def hear(self, data: bytes) -> bytes:
        """Take bytes in; return the answers."""
        frames, self._held = gb26875.cut(self._held + data)
        answers = b""
        for frame in frames:
            if not isinstance(frame, gb26875.Frame):
                continue
            self.confirmed += frame.command == gb26875.Command.CONFIRM
            if frame.command == gb26875.Command.ASK:
                self.asked.append((frame.body[0], frame.body[1]))
                answers += b"" if self.deaf else self._answer(frame)
        return answers

    def tell(self, part: int, bits: int) -> bytes:
        """A part changes; return the frame that says so."""
        self.parts[part] = bits
        return self._frame(1, gb26875.Command.SEND, b"\x02\x01" + self._part(part))

    def _answer(self, frame: gb26875.Frame) -> bytes:
        kind, count = frame.body[0], frame.body[1]
        if kind == 61:
            bits = 1
            for state in self.parts.values():
                bits |= state & ~1
            body = bytes((1, count)) + b"".join(
                frame.body[2 + 2 * n : 4 + 2 * n] + bits.to_bytes(2, "little") for n in range(count)
            )
        else:
            parts = [int.from_bytes(frame.body[4 + 6 * n : 8 + 6 * n], "little") for n in range(count)]
            known = [part for part in parts if part in self.parts]
            if not known:
                return self._frame(frame.sequence, gb26875.Command.DENY, b"")
            body = bytes((2, len(known))) + b"".join(self._part(part) for part in known)
        return self._frame(frame.sequence, gb26875.Command.ANSWER, body)

    def _part(self, part: int) -> bytes:
        text = "走廊".encode("gb18030").ljust(31, b"\0")
        return b"\x01\x03\x28" + part.to_bytes(4, "little") + self.parts[part].to_bytes(2, "little") + text

    def _frame(self, sequence: int, command: int, body: bytes) -> bytes:
        return gb26875.build(sequence.to_bytes(2, "little"), b"\x01\x01", NOON, ADDRESS, bytes(6), command, body)


@contextmanager
def tcp_panel(panel: FirePanel, port: int = 0) -> Generator[tuple[int, Callable[[bytes], None]]]:
    """Serve a panel on TCP; give its port, and how to say something to all who listen."""
    listener = socket.create_server(("127.0.0.1", port))
    callers: list[socket.socket] = []
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            for ready in select.select([listener, *callers], [], [], 0.05)[0]:
                if ready is listener:
                    callers.append(listener.accept()[0])
                    continue
                try:
                    data = ready.recv(4096)
                except OSError:
                    data = b""
                if data:
                    ready.sendall(panel.hear(data))
                else:
                    callers.remove(ready)
                    ready.close()

    def say(data: bytes) -> None:
        for caller in callers:
            caller.sendall(data)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1], say
    finally:
        stop.set()
        thread.join()
        for open_one in (listener, *callers):
            open_one.close()


@contextmanager
def serial_panel(panel: FirePanel, port: Path) -> Generator[Callable[[bytes], None]]:
    """Serve a panel on one end of a serial line; give how to say something."""
    line = os.open(port, os.O_RDWR | os.O_NOCTTY)
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            if select.select([line], [], [], 0.05)[0]:
                os.write(line, panel.hear(os.read(line, 4096)))

    def say(data: bytes) -> None:
        os.write(line, data)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield say
    finally:
        stop.set()
        thread.join()
        os.close(line)
