"""How far the wall clock may be believed before something is deleted by age.

A clock that jumps by years (a dead battery, a wrong time server) would make everything old at once. What was believed
last is kept in a file; it moves on with the wall clock over a weekend, catches up over a holiday, and goes on by the
time that really passed when the wall clock asks for more, until a person says that the clock is right.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

TRUSTED = "trusted-clock"
"""The file's name."""
SANE = datetime(2026, 1, 1, tzinfo=UTC)
"""No clock before it is right: a board without a clock starts in 1970."""
WEEKEND = timedelta(days=3)
"""So far ahead the wall clock is believed at once: at worst something goes this much too early."""
HOLIDAY = timedelta(days=100)
"""So far ahead it is believed by and by: a server that was off, or a clock that somebody will notice."""
CATCH_UP = 48
"""Days of age in a day, until it has caught up."""
SAVE_EVERY_S = 600.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Belief:
    """The moment to judge age by, and whether the wall clock is doubted."""

    at: datetime
    doubted: bool = False


def believe(known: datetime, wall: datetime, ran: timedelta) -> Belief:
    """Say how far the wall clock is believed, `ran` after `known` was."""
    ahead = wall - known - ran
    if ahead <= WEEKEND:
        return Belief(max(known, wall))  # a clock set back makes nothing younger, and deletes nothing more
    if ahead <= HOLIDAY:
        return Belief(min(wall, known + ran * CATCH_UP))
    return Belief(known + ran, doubted=True)


@dataclass(slots=True)
class TrustedClock:
    """Belongs to one thread."""

    file: Path
    wall: Callable[[], datetime] = lambda: datetime.now(UTC)
    mono_s: Callable[[], float] = time.monotonic
    doubted: bool = False
    _known: datetime | None = None
    _looked_s: float = 0.0
    _saved_s: float = field(default=float("-inf"))

    def now(self) -> datetime | None:
        """Return the moment by which age is judged; None while the clock was never set."""
        mono_s, wall = self.mono_s(), self.wall()
        if self._known is None and wall < SANE:
            return None
        if self._known is None:
            self._known, self._looked_s = _load(self.file) or wall, mono_s
        belief = believe(self._known, wall, timedelta(seconds=mono_s - self._looked_s))
        self._known, self._looked_s = belief.at, mono_s
        if belief.doubted and not self.doubted:
            _log.warning(
                "clock: %s is more than %d days after what was last believed: nothing is deleted for it;"
                " if it is right, remove %s and start again",
                wall.isoformat(timespec="seconds"),
                HOLIDAY.days,
                self.file,
            )
        elif self.doubted and not belief.doubted:
            _log.info("clock: is believed again")
        self.doubted = belief.doubted
        if mono_s - self._saved_s >= SAVE_EVERY_S:
            self._saved_s = mono_s
            save(self.file, self._known)
        return self._known


def save(file: Path, at: datetime) -> None:
    """Write down what is believed; without it the next start believes what it finds."""
    draft = file.with_suffix(".tmp")
    try:
        draft.write_text(at.isoformat() + "\n", encoding="ascii")
        os.replace(draft, file)  # noqa: PTH105 - the same either way
    except OSError as e:
        _log.debug("clock: %s cannot be written: %s", file, e)


def _load(file: Path) -> datetime | None:
    try:
        return datetime.fromisoformat(file.read_text(encoding="ascii").strip()).astimezone(UTC)
    except (OSError, ValueError):
        return None
