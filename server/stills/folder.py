"""Where stills lie: one private file an alarm, in a private folder of the data directory."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

NAME = re.compile(r"[0-9a-f-]{36}")


@dataclass(frozen=True, slots=True)
class StillFolder:
    """`keep_days` 0: nothing is taken, shown or left here."""

    path: Path | None = None
    keep_days: int = 0

    @property
    def on(self) -> bool:
        return self.path is not None and self.keep_days > 0

    def put(self, alert: str, jpeg: bytes) -> None:
        """Write one; it is never seen half written."""
        if self.path is None:
            return
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = self.path / f".{alert}.part"
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(jpeg)
        partial.replace(self._file(self.path, alert))

    def get(self, alert: str) -> bytes | None:
        """Read one; None where there is none."""
        if self.path is None or not NAME.fullmatch(alert):
            return None
        try:
            return self._file(self.path, alert).read_bytes()
        except OSError:
            return None

    def drop(self, alert: str) -> None:
        """Delete one, if it is there."""
        if self.path is not None and NAME.fullmatch(alert):
            self._file(self.path, alert).unlink(missing_ok=True)

    def lying(self, before_s: float) -> Sequence[Path]:
        """Return the files that were written before this second of the wall clock, the half written too."""
        if self.path is None or not self.path.is_dir():
            return ()
        return [file for file in self.path.iterdir() if file.is_file() and file.stat().st_mtime < before_s]

    @staticmethod
    def _file(path: Path, alert: str) -> Path:
        return path / f"{alert}.jpg"
