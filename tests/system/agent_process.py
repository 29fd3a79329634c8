"""An agent as a process of its own, as a technician would run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Self

_WAVE = """
[[bus.point]]
id = "wave-{n}"
name = "wave {n}"
kind = "level"
middle = 20
swing = 10
period_s = {period_s}
rule.high = 20
"""


def configuration(folder: Path, port: int, *, waves: int = 3, period_s: float = 0.4, extra: str = "") -> Path:
    """Write the file of an agent whose simulated points go over their limit and back all the time."""
    points = "".join(_WAVE.format(n=n, period_s=period_s + n / 100) for n in range(waves))
    file = folder / "agent.toml"
    file.write_text(
        f'site = "demo"\nagent = "pi-1"\nname = "pi 1"\nheartbeat_s = 1.0\n{extra}'
        f'[mqtt]\nport = {port}\n[outbox]\ndirectory = "{folder / "box"}"\naccepted_log = "{folder / "accepted"}"\n'
        f'[[bus]]\ntype = "simulated"\nname = "waves"\ninterval_s = 0.05\n{points}',
        encoding="utf-8",
    )
    return file


class AgentProcess:
    """A running agent."""

    def __init__(self, file: Path, before: tuple[str, ...] = ()) -> None:
        self._file = file
        self._before = before  # a command that runs it, such as strace
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it."""
        with (self._file.parent / "agent.log").open("ab") as log:
            command = [*self._before, sys.executable, "-m", "agent", "run", "--config", str(self._file)]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0)

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            with suppress(ProcessLookupError):  # it ended by itself
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(60)
            self._process = None

    def wait(self, within_s: float) -> int:
        """Wait for its end; return the exit code."""
        assert self._process is not None
        return self._process.wait(within_s)

    def running(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        """What it wrote."""
        return (self._file.parent / "agent.log").read_text(encoding="utf-8", errors="replace")


def accepted(folder: Path) -> list[str]:
    """Ids of all that agents accepted, by their own witness; a half-written last line is not yet one."""
    witness = folder / "accepted"
    if not witness.exists():
        return []
    lines = witness.read_text(encoding="utf-8").split("\n")[:-1]
    return [str(json.loads(line)["id"]) for line in lines]
