"""What systemd does for one of our programs: starts it again when it ends, and ends it when its watchdog is not fed.

A stand-in, for a test machine's first process is no systemd: the same words over the same kind of socket.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from program import Program

RESTART_S = 0.5


class ServiceManager(threading.Thread):
    """Looks after one program, as `Type=notify`, `Restart=always` and `WatchdogSec` would."""

    def __init__(self, folder: Path, name: str, watchdog_s: float) -> None:
        super().__init__(name=f"service-{name}", daemon=True)
        self._address = str(folder / f"notify-{name}")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self._address)
        self._socket.settimeout(0.1)
        self._watchdog_s = watchdog_s
        self._stop_asked = threading.Event()
        self._program: Program | None = None
        self.starved: list[float] = []  # monotonic seconds of each time that the watchdog was not fed
        self.ended = 0  # times that it ended by itself

    def around(self, inner: Callable[[list[str]], list[str]] = list[str]) -> Callable[[list[str]], list[str]]:
        """Return how a command is run so that it tells this one how it is."""
        return lambda command: ["env", f"NOTIFY_SOCKET={self._address}", *inner(command)]

    def look_after(self, program: Program) -> Self:
        """Begin."""
        self._program = program
        self.start()
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_asked.set()
        self.join(10)
        self._socket.close()

    def run(self) -> None:
        """Do what systemd does."""
        assert self._program is not None
        fed: float | None = time.monotonic()
        while not self._stop_asked.is_set():
            word = self._word()
            if word in {"READY=1", "WATCHDOG=1"}:
                fed = time.monotonic()
            if not self._program.running():
                self.ended += 1
                fed = self._again(self._program)
            elif fed is not None and time.monotonic() - fed > self._watchdog_s:
                self.starved.append(time.monotonic())
                self._program.kill()
                fed = self._again(self._program)

    def _again(self, program: Program) -> None:
        """Start it; the watchdog's time runs from the first word on."""
        if not self._stop_asked.wait(RESTART_S):
            program.start()

    def _word(self) -> str:
        try:
            return self._socket.recv(200).decode()
        except TimeoutError:
            return ""
