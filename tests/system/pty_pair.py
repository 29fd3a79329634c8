"""Two pseudo-terminals joined like a null-modem cable, by socat, behind stable links."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cable:
    """The two ends: ours, and the device's."""

    ours: Path
    theirs: Path


@contextmanager
def pty_pair(folder: Path, name: str = "line") -> Generator[Cable]:
    """Plug the cable in; leaving the block pulls it out."""
    cable = Cable(folder / f"{name}-ours", folder / f"{name}-theirs")
    with subprocess.Popen(
        ["socat", f"pty,raw,echo=0,link={cable.ours}", f"pty,raw,echo=0,link={cable.theirs}"],
        stderr=subprocess.DEVNULL,
    ) as process:
        deadline = time.monotonic() + 10
        while not (cable.ours.exists() and cable.theirs.exists()):
            assert time.monotonic() < deadline, "socat gave no pty"
            time.sleep(0.01)
        try:
            yield cable
        finally:
            process.terminate()
