"""Clocks: the bounds always hold the truth, and more beats make them tighter."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.drills.clocks import DRIFT, UNKNOWN_DOUBT_S, Beat, Trust, align

BOOT = 1_800_000_000.0  # when the agent booted, by the server's clock


def beats(dice: random.Random, n: int, *, answered: bool = True, drift: float = 0.0) -> list[Beat]:
    """Heartbeats of an agent whose clock starts at BOOT, with random delays both ways."""
    made: list[Beat] = []
    answer: tuple[float, float] | None = None
    for i in range(n):
        mono = 5.0 * i + 1
        sent = BOOT + mono * (1 + drift)
        received = sent + 0.001 + dice.expovariate(20)
        made.append(Beat(mono, received, *(answer or (None, None))))
        arrives = received + 0.001 + dice.expovariate(20)
        answer = ((arrives - BOOT) / (1 + drift), received) if answered else None
    return made


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 60), st.floats(-0.9, 0.9), st.floats(0, 1))
def test_the_truth_lies_within_the_bounds_whatever_the_delays_and_drift(
    seed: int, n: int, drift: float, where: float
) -> None:
    made = beats(random.Random(seed), n, drift=drift * DRIFT)
    mono = where * made[-1].mono_s
    truth = BOOT + mono * (1 + drift * DRIFT)
    found = align(mono, 0, truth + 1, synced=False, beats=made)
    assert found.trust is Trust.MEASURED
    assert abs(found.at_s - truth) <= found.plus_minus_s + 1e-6


def test_a_minute_of_heartbeats_is_good_to_hundredths() -> None:
    made = beats(random.Random(3), 24)
    assert align(60, 0, BOOT + 61, synced=False, beats=made).plus_minus_s < 0.02


def test_without_answers_the_delay_on_the_way_is_assumed_and_said() -> None:
    found = align(60, 0, BOOT + 61, synced=False, beats=beats(random.Random(3), 24, answered=False))
    assert (found.trust, found.plus_minus_s) == (Trust.ONE_SIDED, 0.125)


@pytest.mark.parametrize(
    ("synced", "trust", "at_s"),
    [(True, Trust.WALL, BOOT + 5), (False, Trust.UNKNOWN, BOOT + 9)],
    ids=["a synchronised wall clock is second best", "else only the receipt vouches for it"],
)
def test_without_heartbeats_of_that_boot(*, synced: bool, trust: Trust, at_s: float) -> None:
    found = align(5, BOOT + 5, BOOT + 9, synced=synced, beats=[])
    assert (found.trust, found.at_s) == (trust, at_s)
    assert found.plus_minus_s <= UNKNOWN_DOUBT_S


def test_a_clock_in_1970_is_no_matter_where_heartbeats_are() -> None:
    found = align(60, 0.0, BOOT + 500, synced=False, beats=beats(random.Random(1), 24))
    assert abs(found.at_s - (BOOT + 60)) < 0.05


def test_bounds_that_cross_say_their_distance_as_doubt() -> None:
    found = align(10, 0, 200, synced=False, beats=[Beat(10, 100, 9, 99.8)])
    assert found.trust is Trust.MEASURED
    assert found.plus_minus_s > 0.3
