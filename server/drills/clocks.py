"""How far an agent's monotonic clock is from the server's, with honest bounds.

A heartbeat arrives after it was sent, so `received - mono` is never below the offset; an answer
arrives after it was sent, so `answer sent - mono at its arrival` is never above it. The truth lies
between the tightest two: NTP's minimum-delay filter, kept as bounds instead of an average.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

DRIFT = 100e-6
"""How fast two free-running clocks may part, in seconds a second (a crystal is within 50e-6)."""
ASSUMED_DELAY_S = 0.25
"""The best one-way delay that is allowed for where no answer bounds it from below."""
WALL_DOUBT_S = 0.5
"""What a synchronised wall clock may be wrong by when nothing measured it."""
UNKNOWN_DOUBT_S = 300.0
"""The doubt of a time that nothing vouches for."""


class Trust(StrEnum):
    """What a time rests on."""

    MEASURED = "measured"  # heartbeats and their answers
    ONE_SIDED = "one-sided"  # heartbeats only: the delay on the way is assumed
    WALL = "wall"  # the agent's own synchronised wall clock
    UNKNOWN = "unknown"  # only the time of receipt


@dataclass(frozen=True, slots=True)
class Beat:
    """One message of one boot of an agent; all times in seconds, the server's since 1970."""

    mono_s: float  # the agent's clock when it was sent
    received_s: float  # the server's clock when it came
    answer_mono_s: float | None = None  # the agent's clock when an earlier answer reached it
    answer_sent_s: float | None = None  # the server's clock before that answer left


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant on the server's clock, in seconds since 1970, with the half-width of its bounds."""

    at_s: float
    plus_minus_s: float
    trust: Trust


@dataclass(frozen=True, slots=True)
class Bounds:
    """The offset server minus agent, in seconds, seen from the instant `near_s` of the server's clock."""

    low_s: float | None
    high_s: float
    near_s: float


def upper(beat: Beat) -> float:
    """The offset server minus agent is at most this."""
    return beat.received_s - beat.mono_s


def lower(beat: Beat) -> float | None:
    """The offset server minus agent is at least this; None where no answer is known."""
    if beat.answer_mono_s is None or beat.answer_sent_s is None:
        return None
    return beat.answer_sent_s - beat.answer_mono_s


def bounds(beats: Iterable[Beat], near_s: float) -> Bounds | None:
    """The tightest bounds that the beats of one boot give for the instant; None without a beat."""
    high: float | None = None
    low: float | None = None
    for beat in beats:
        above = upper(beat) + DRIFT * abs(near_s - beat.received_s)
        high = above if high is None else min(high, above)
        below = lower(beat)
        if below is not None and beat.answer_sent_s is not None:
            below -= DRIFT * abs(near_s - beat.answer_sent_s)
            low = below if low is None else max(low, below)
    return None if high is None else Bounds(low, high, near_s)


def moment(mono_s: float, found: Bounds) -> Moment:
    """Put an agent's monotonic time on the server's clock."""
    low, trust = found.low_s, Trust.MEASURED
    if low is None:
        low, trust = found.high_s - ASSUMED_DELAY_S, Trust.ONE_SIDED
    # Bounds that cross say that a clock stepped or drifts more than allowed: the doubt is their distance.
    return Moment(mono_s + (low + found.high_s) / 2, abs(found.high_s - low) / 2, trust)


def align(mono_s: float, wall_s: float, received_s: float, *, synced: bool, beats: Iterable[Beat]) -> Moment:
    """When, on the server's clock, a stamped message happened; never after its receipt."""
    near = received_s
    known = tuple(beats)
    first = bounds(known, near)
    if first is not None:
        near = min(received_s, mono_s + first.high_s)
        found = bounds(known, near)
        if found is not None:
            return moment(mono_s, found)
    if synced:
        return Moment(min(wall_s, received_s), WALL_DOUBT_S, Trust.WALL)
    return Moment(received_s, UNKNOWN_DOUBT_S, Trust.UNKNOWN)
