"""Moments on pages and in the API: ISO 8601, UTC, ending in Z."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, Field


def now() -> datetime:
    """Return this moment in UTC, by the machine's clock."""
    return datetime.now(UTC)


def in_utc(at: datetime) -> datetime:
    """Return the same moment in UTC; one without a zone is taken as UTC already."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _told(at: datetime) -> datetime:
    try:
        return in_utc(at)
    except OverflowError as e:
        raise ValueError("is before or after all time") from e


def _plausible(at: datetime) -> datetime:
    if not 2000 <= at.year <= 2200:
        raise ValueError("is not between 2000 and 2200")
    return at


Moment = Annotated[datetime, AfterValidator(_told)]

AskedMoment = Annotated[datetime, AfterValidator(_plausible)]
"""A moment that may be asked for, in whatever zone."""

Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2200, 12, 31))]
"""A day that may be asked for: reckoning a month on from the last day there is ends in no answer at all."""


def steady_clock(mono_s: Callable[[], float] = time.monotonic) -> Callable[[], datetime]:
    """Return a clock that is set once, now, and then only runs: a step of the wall clock ends nobody's session."""
    start = datetime.now(UTC) - timedelta(seconds=mono_s())
    return lambda: start + timedelta(seconds=mono_s())
