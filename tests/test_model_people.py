"""Model mode: what moves stands in for people while the network is blind to them, and gives way when it sees."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.people.model import covered

PERSON = (100.0, 100.0, 140.0, 200.0)


@pytest.mark.parametrize(
    ("network", "seen"),
    [
        pytest.param([PERSON], True, id="the same box is the same person"),
        pytest.param([(105.0, 100.0, 130.0, 150.0)], True, id="the upper half is the same person"),
        pytest.param([(90.0, 90.0, 130.0, 190.0), (300.0, 0.0, 340.0, 90.0)], True, id="one of several is enough"),
        pytest.param([(138.0, 100.0, 178.0, 200.0)], False, id="a neighbour is another person"),
        pytest.param([], False, id="a network that sees nobody covers nobody"),
    ],
)
def test_a_moving_thing_is_covered_by_the_person_the_network_sees(
    network: list[tuple[float, ...]], *, seen: bool
) -> None:
    moving = np.array([PERSON], np.float64)
    assert covered(moving, np.array(network, np.float64).reshape(-1, 4)).tolist() == [seen]


def test_where_nothing_moves_nothing_is_covered() -> None:
    assert covered(np.zeros((0, 4)), np.array([PERSON], np.float64)).shape == (0,)
