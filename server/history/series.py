"""What a history is: samples in, their course out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from server.history.latest import Key

SECOND_MS, MINUTE_MS, HOUR_MS = 1_000, 60_000, 3_600_000

Kept = tuple[datetime, float | str | None]
Column = tuple[int, float, float]  # step, lowest, highest


class Sample(NamedTuple):
    """One value of one series; what is no number, text or truth value is None.

    A tuple, because a busy server makes a hundred thousand of them a second.
    """

    key: Key
    at: datetime
    value: float | str | None


class Bucket(NamedTuple):
    """What one step of a course holds: its number from the beginning, and its numbers in short."""

    step: int
    low: float
    high: float
    mean: float
    n: int


@dataclass(frozen=True, slots=True)
class Tidied:
    """What one piece of upkeep did: hours of series rolled up, samples deleted, and whether more is to be done."""

    rolled: int = 0
    deleted: int = 0
    more: bool = False


class Series(Protocol):
    """Where the course of readings is kept. A sample that is written twice is kept once.

    Everything raises ServerError where the store is away; nothing waits for it longer than its time-out.
    """

    def start(self) -> None:
        """Begin to work, where something has to go on beside the caller."""
        ...

    def write(self, samples: Sequence[Sample]) -> int:
        """Keep samples, or raise; return how many were lost for it: too old, or older ones without room."""
        ...

    def read(self, key: Key, begin: datetime, end: datetime, limit: int) -> Sequence[Kept]:
        """Return a series from `begin` up to but not including `end`, oldest first."""
        ...

    def buckets(self, key: Key, begin: datetime, end: datetime, step: timedelta) -> Sequence[Bucket]:
        """Return the numbers of each step from `begin` in short: no spike is lost however long the course is."""
        ...

    def columns(self, key: Key, begin: datetime, end: datetime, step: timedelta) -> Sequence[Column]:
        """Return the lowest and the highest number of each step from `begin`."""
        ...

    def tidy(self, now: datetime, trusted: datetime | None) -> Tidied:
        """Do one short piece of upkeep: roll hours up; delete what is too old by a clock that is trusted."""
        ...

    def trouble(self) -> str:
        """Say why a person should look, as the word of a fault's reason; empty where nobody need."""
        ...

    def behind_s(self) -> float:
        """Return how long the oldest sample that cannot be read yet has waited."""
        ...

    def close(self) -> None:
        """Let go of files and connections; may be called twice."""
        ...


def resolution(step: timedelta) -> int:
    """Return the coarsest of 1 (as it came), a minute and an hour, in ms, with two or more of them in a step."""
    step_ms = step // timedelta(milliseconds=1)
    return HOUR_MS if step_ms >= 2 * HOUR_MS else MINUTE_MS if step_ms >= 2 * MINUTE_MS else 1


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ms(at: datetime) -> int:
    """Return milliseconds since 1970, rounded down."""
    since = at - _EPOCH
    return since.days * 86_400_000 + since.seconds * 1_000 + since.microseconds // 1_000


def from_ms(ms: int) -> datetime:
    """Return the moment in UTC."""
    return _EPOCH + timedelta(milliseconds=ms)
