"""How long an agent waits: for the next try, and for an answer."""

from __future__ import annotations

import pytest

from agent.backoff import Backoff, Patience


def test_a_silence_is_borne_twice_as_long_after_each_that_was_too_long_until_there_is_an_answer() -> None:
    patience = Patience(12, 60)
    borne: list[float] = []
    for _ in range(4):
        silent_s = next(second for second in range(1, 1000) if patience.is_over(second))
        borne.append(silent_s - 1)
    assert borne == [12, 24, 48, 60]
    patience.reset()
    assert not patience.is_over(12)
    assert patience.is_over(12.1)


def test_no_silence_is_too_long_before_the_least() -> None:
    patience = Patience(12, 60)
    assert not patience.is_over(13, least_s=30)
    assert patience.is_over(31, least_s=30)


@pytest.mark.parametrize("tries", [1, 3, 9])
def test_the_pause_grows_up_to_the_last_and_begins_again_after_a_success(tries: int) -> None:
    backoff = Backoff((0.5, 1.0, 2.0))
    pauses = [backoff.next_s() for _ in range(tries)]
    assert pauses == [0.5, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0][:tries]
    backoff.reset()
    assert backoff.next_s() == 0.5
