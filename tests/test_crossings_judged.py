"""How the bench judges counts: what is doubtful is neither right nor wrong, and our own truth is whole."""

from __future__ import annotations

import pytest

from bench.crossings import Tally, Told, further_lines, tally

CLIP = {
    "truth": {"events": [{"t": 10.0, "dir": "left"}, {"t": 20.0, "dir": "right"}]},
    "doubtful": [{"from": 30.0, "to": 32.0, "why": "stands on the line"}],
}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param([(10.9, "left"), (19.2, "right")], Tally(2, 2), id="within a second is right"),
        pytest.param([(10.0, "right")], Tally(0, 2, extra=1), id="the other way is extra, and missed"),
        pytest.param([(10.0, "left"), (10.1, "left")], Tally(1, 2, extra=1), id="counted twice is one extra"),
        pytest.param([(29.5, "left"), (33.0, "right")], Tally(0, 2, doubtful=2), id="near what is doubtful is neither"),
        pytest.param([(33.5, "right")], Tally(0, 2, extra=1), id="after what is doubtful is extra"),
    ],
)
def test_a_count_is_right_extra_or_doubtful(found: list[Told], expected: Tally) -> None:
    assert tally(CLIP, found) == expected


def test_our_own_truth_lies_within_the_clip() -> None:
    lines = further_lines()
    assert [len(line["truth"]["events"]) for line in lines] == [13, 33, 34]
    for line in lines:
        assert all(0 <= x < 768 and 0 <= y < 576 for x, y in line["line"])
        times = [event["t"] for event in line["truth"]["events"]]
        assert times == sorted(times)
        assert 0 <= times[0] <= times[-1] < 79.5
        assert {event["dir"] for event in line["truth"]["events"]} == {"left", "right"}
