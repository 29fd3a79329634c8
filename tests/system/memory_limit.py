"""A control group whose memory a test bounds, as `MemoryMax` of a service does; of either version of the kernel's."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

_ROOT = Path("/sys/fs/cgroup")


class MemoryLimit:
    """One group; what is started through `around` lives and dies in it."""

    def __init__(self, folder: Path, *, second: bool) -> None:
        self._folder = folder
        self._limit = folder / ("memory.max" if second else "memory.limit_in_bytes")
        self._events = folder / ("memory.events" if second else "memory.oom_control")

    def set(self, megabytes: int) -> None:
        """Allow so much. Less than is used now can be set only while nobody is in it."""
        self._limit.write_text(str(megabytes << 20), encoding="ascii")

    def killed(self) -> int:
        """How often the kernel has ended a process of it for its memory."""
        lines = self._events.read_text(encoding="ascii").splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))

    def around(self, command: list[str]) -> list[str]:
        """Return the command that runs another in it."""
        return ["sh", "-c", f'echo $$ > {self._folder}/cgroup.procs && exec "$@"', "sh", *command]


def resident_mb(pid: int) -> float:
    """The memory of a process."""
    return psutil.Process(pid).memory_info().rss / 2**20


@contextmanager
def memory_limit(name: str) -> Generator[MemoryLimit]:
    """Make a group of this name."""
    second = (_ROOT / "cgroup.controllers").exists()
    folder = (_ROOT if second else _ROOT / "memory") / f"{name}-{os.getpid()}"
    try:
        folder.mkdir()
        limit = MemoryLimit(folder, second=second)
        limit.set(4096)
    except OSError as e:
        with suppress(OSError):
            folder.rmdir()
        pytest.skip(f"no control group can bound memory here: {e.strerror}")
    try:
        yield limit
    finally:
        for pid in (folder / "cgroup.procs").read_text(encoding="ascii").split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        _remove(folder)


def _remove(folder: Path) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            folder.rmdir()
        except OSError:  # who was killed is not gone yet
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
