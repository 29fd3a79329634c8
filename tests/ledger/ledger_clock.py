"""A clock that a test sets."""

from __future__ import annotations

from datetime import UTC, datetime

NOW = datetime(2026, 5, 7, 6, 0, tzinfo=UTC)  # a Thursday, 14:00 in Yuxi


class Clock:
    """Shows `now` until a test moves it."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now
