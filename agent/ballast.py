"""The ballast: a file that keeps room on the disk, given up when an alarm finds it full."""

from __future__ import annotations

import os
from pathlib import Path

_BLOCK = b"\0" * (1 << 20)
_SPARE_MB = 2.0


class Ballast:
    """Room held in one file."""

    def __init__(self, path: Path, size_mb: float) -> None:
        self._path = path
        self._bytes = int(size_mb * (1 << 20))

    def free_mb(self) -> float | None:
        """Room on the disk beside the ballast, in MB; None where it cannot be told."""
        try:
            disk = os.statvfs(self._path.parent)
        except OSError:
            return None
        return disk.f_bavail * disk.f_frsize / (1 << 20)

    def held(self) -> bool:
        """Whether the room is held now."""
        try:
            return self._path.stat().st_size >= self._bytes
        except OSError:
            return self._bytes == 0

    def hold(self) -> bool:
        """Take the room if there is enough beside it; False leaves everything as it was."""
        if self.held():
            return True
        free = self.free_mb()
        if free is None or free * (1 << 20) < self._bytes + _SPARE_MB * (1 << 20):
            return False
        try:
            with self._path.open("wb") as file:  # written, not sparse: only real blocks keep room
                for start in range(0, self._bytes, len(_BLOCK)):
                    file.write(_BLOCK[: self._bytes - start])
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            self.release()
            return False
        return True

    def release(self) -> None:
        """Give the room up."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError:
            return
