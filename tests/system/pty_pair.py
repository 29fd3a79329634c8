"""Two pseudo-terminals joined like a null-modem cable, by socat, behind stable links."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Cable:
    """The two ends: ours, and the device's."""

    ours: Path
    theirs: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def plug(self) -> None:
        """Plug it in; the ends get numbers of their own behind their links each time."""
        command = ["socat", f"pty,raw,echo=0,link={self.ours}", f"pty,raw,echo=0,link={self.theirs}"]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not (self.ours.exists() and self.theirs.exists()):
            assert time.monotonic() < deadline, "socat gave no pty"
            time.sleep(0.01)

    def pull(self) -> None:
        """Pull it out; harmless when it is out."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)  # a busy machine lets it remove its links late
            self._process = None


@contextmanager
def pty_pair(folder: Path, name: str = "line") -> Generator[Cable]:
    """Plug the cable in; leaving the block pulls it out."""
    cable = Cable(folder / f"{name}-ours", folder / f"{name}-theirs")
    cable.plug()
    try:
        yield cable
    finally:
        cable.pull()
