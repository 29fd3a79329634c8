"""Anomaly without a limit, and NAB's score that judges it."""

from __future__ import annotations

import math

import pytest
from watching import events, point

from bench.nab_scoring import Series, score
from drivers.samples import Reading, Sample

ROOM = point("temperature", anomaly=True)
HOUR = 3600.0


def days(number: int, shift: float = 0.0, first: int = 0) -> list[Sample]:
    """Hourly values of a room that warms by day, with a little noise."""
    hours = range(first * 24, (first + number) * 24)
    return [
        Reading("p", 20 + shift + 2 * math.sin(h / 24 * 2 * math.pi) + 0.3 * math.sin(h * 7.7), h * HOUR, h * HOUR)
        for h in hours
    ]


def test_a_daily_course_is_usual_and_a_shift_of_it_is_reported_once() -> None:
    assert not [e for e in events(ROOM, days(40)) if e.kind == "anomaly" and e.active]
    found = [e for e in events(ROOM, [*days(40), *days(2, 3.0, 40)]) if e.kind == "anomaly" and e.active]
    assert [e.reason for e in found] == ["unusual"]
    assert 40 * 24 < found[0].at / HOUR < 40 * 24 + 24


@pytest.mark.parametrize(
    ("rows", "expected"),
    [([500], 100.0), ([], 0.0), ([500, 999], 94.5), ([999], -5.5), ([100], 0.0)],
    ids=["the perfect detector", "the silent one", "one false alarm", "only a false one", "while it learns"],
)
def test_the_standard_profile_of_nab(rows: list[int], expected: float) -> None:
    scores = [float(row in rows) for row in range(1000)]
    assert score([Series(scores, [(500, 599)])], 0.5) == pytest.approx(expected, abs=0.1)
