"""A stolen agent that floods through the real broker harms only itself."""

from __future__ import annotations

from bench.flood import RATE, measure


def test_an_agent_that_floods_at_a_hundred_times_the_rate_holds_nobodys_alarm_up() -> None:
    # It fails by itself where an alarm of the honest agent has no receipt within 20 s.
    _, flooded, sent, _ = measure(RATE * 100, rounds=1, phase_s=3.0)
    assert len(flooded) >= 1
    assert max(flooded) < 20.0
    assert sent > 10 * len(flooded), "nothing was flooded: this proves nothing"
