"""A wall clock for one of our programs that a test can move while it runs; its monotonic clock is left alone."""

from __future__ import annotations

import sys
from pathlib import Path


class WallClock:
    """The wall clock of one process."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)

    def set(self, offset_s: float) -> None:
        """Move it so far from the machine's own."""
        partial = self._file.with_suffix(".new")
        partial.write_text(f"{offset_s}\n", encoding="ascii")
        partial.replace(self._file)

    def around(self, command: list[str]) -> list[str]:
        """Return the command that runs one of our programs under this clock."""
        program = Path(command[0]).name.removeprefix("campus-")
        launcher = Path(__file__).with_name("wrong_clock.py")
        return [sys.executable, str(launcher), str(self._file), program, *command[1:]]
