"""Who is hidden behind another stays where he is hidden, and comes out again as himself."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.tracks import Tracker

SIZE = (640, 360)
MET, PARTED = 15, 35  # pictures: two meet, greet each other for two seconds, and go on


def boxes(number: int) -> NDArray[np.float64]:
    """Two people of 30x90 pixels as they are seen: one box while they stand together."""
    left = 300.0 + 12.0 * (min(number - MET, 0) + max(number - PARTED, 0))
    right = 622.0 - left
    if MET <= number <= PARTED:
        return np.array([(300.0, 200.0, 352.0, 290.0)])
    return np.array([(left, 200.0, left + 30, 290.0), (right, 200.0, right + 30, 290.0)])


@pytest.mark.parametrize(("hidden", "kept"), [(True, True), (False, False)])
def test_two_who_meet_and_go_on_are_the_same_two_where_one_hides_the_other(*, hidden: bool, kept: bool) -> None:
    tracker = Tracker()
    places: list[dict[int, float]] = []
    for number in range(PARTED + 12):
        tracker.update(boxes(number), number / 10, SIZE, hidden=hidden)
        places.append({t.id: float(t.centre[0]) for t in tracker.tracks if t.seen_at == number / 10})
    left, right = sorted(places[MET - 3], key=places[MET - 3].__getitem__)
    if hidden:
        greeting = places[MET : PARTED + 1]
        assert all(place.keys() == {left, right} for place in greeting)
        assert all(315 <= x <= 337 for place in greeting for x in place.values())
    last = places[-1]
    assert (last.keys() == {left, right} and last[left] > last[right]) is kept
