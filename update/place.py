"""Where releases lie side by side, which one runs, and which ran before: folders and two symbolic links."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from update.errors import UpdateError


@dataclass(frozen=True, slots=True)
class Pending:
    """A switch that has not been confirmed yet; kept on disk so that a power cut forgets nothing."""

    unit: str
    previous: str
    hold_s: float


@dataclass(frozen=True, slots=True)
class Place:
    """`link` leads to what runs (/opt/campuswatch); `folder` holds the releases (/opt/campuswatch.d)."""

    link: Path
    folder: Path

    @property
    def before(self) -> Path:
        """The link to what ran before: its Python judges the new one, which may be broken."""
        return self.folder / "previous"

    @property
    def _pending(self) -> Path:
        return self.folder / "pending.json"

    def release(self, version: str) -> Path:
        return self.folder / version

    def adopt(self) -> None:
        """Make the first installation, a plain folder, one of the releases. Its scripts find it through the link."""
        self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        if self.link.is_symlink():
            return
        if not self.link.is_dir():
            raise UpdateError(f"{self.link}: nothing is installed there: see docs/security.md")
        first = self.release("first")
        self.link.rename(first)
        _point(self.link, first)

    def switch(self, to: Path, unit: str, hold_s: float) -> None:
        """Let `to` run from the next start on; what runs now is remembered first."""
        now = self.link.resolve()
        _point(self.before, now)
        _write(self._pending, json.dumps(asdict(Pending(unit, str(now), hold_s))))
        _point(self.link, to)

    def pending(self) -> Pending | None:
        """Return the switch that is not confirmed, None where there is none."""
        try:
            return Pending(**json.loads(self._pending.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as e:
            raise UpdateError(f"{self._pending}: cannot be read: {e}: point {self.link} where it should") from e

    def confirm(self) -> None:
        """Keep what runs now, and what ran before; older releases go."""
        self._pending.unlink(missing_ok=True)
        kept = {self.link.resolve(), self.before.resolve()}
        for old in self.folder.iterdir():
            if old.is_dir() and not old.is_symlink() and old.resolve() not in kept:
                shutil.rmtree(old, ignore_errors=True)

    def go_back(self, pending: Pending) -> None:
        """Let what ran before run again."""
        _point(self.link, Path(pending.previous))
        self._pending.unlink(missing_ok=True)


def _point(link: Path, to: Path) -> None:
    partial = link.with_name(f".{link.name}.new")
    partial.unlink(missing_ok=True)
    partial.symlink_to(to)
    partial.replace(link)
    _flush(link.parent)


def _write(file: Path, text: str) -> None:
    partial = file.with_name(f".{file.name}.new")
    with partial.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    partial.replace(file)
    _flush(file.parent)


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
