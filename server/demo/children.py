"""Child processes that never outlive us: ended by name, killed when they linger, and by the kernel if we die first."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class Children:
    """Start them from the main thread: the kernel ends a child when the thread that made it ends."""

    log: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict[str, subprocess.Popen[bytes]])

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start one in a session of its own, so that Ctrl-C reaches us and we end the others in order."""
        libc = ctypes.CDLL(None)
        with self.log.open("ab") as out:
            self.running[name] = subprocess.Popen(  # noqa: S603 - our own program, our own arguments
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),  # noqa: PLW1509 - one bare C call
            )

    def dead(self) -> tuple[str, ...]:
        """Return the names of those that ended though nobody told them to."""
        return tuple(name for name, child in self.running.items() if child.poll() is not None)

    def tell(self) -> None:
        """Ask all to end; return at once."""
        for child in self.running.values():
            if child.poll() is None:
                child.terminate()

    def end(self, within_s: float) -> None:
        """End all, and kill what has not gone in time; may be called twice."""
        self.tell()
        deadline = time.monotonic() + within_s
        for child in self.running.values():
            try:
                child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(1.0)
        self.running.clear()
