"""Whatever a driver hands on: no exception, no alarm from what is no number, no growing state."""

from __future__ import annotations

import math
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from watching import feed, point

from contracts.vocabulary import LATCHING, SensorKind
from detectors import detectors_for
from drivers.samples import Reading, Sample, Silence, Tick, Value

KINDS = sorted(set(SensorKind) - {SensorKind.LINE, SensorKind.ZONE, SensorKind.CAMERA})
VALUES = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True), st.booleans(), st.sampled_from(["", "on", "fire", "\x00", "墙"])
)
TIMES = st.one_of(st.floats(-1e6, 1e12), st.sampled_from([0.0, 1.0, math.nan, math.inf, -math.inf]))


def sample(kind: int, value: Value, at: float, utc: float) -> Sample:
    return (Reading("p", value, at, utc), Silence("p", "timeout", at, utc), Tick(at, utc))[kind]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.lists(st.builds(sample, st.integers(0, 2), VALUES, TIMES, TIMES), max_size=40),
)
def test_no_sequence_of_samples_raises(kind: str, samples: list[Sample]) -> None:
    for detector in detectors_for(point(kind)):
        feed([detector], samples)
        detector.reset(1e13)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != SensorKind.PANEL])
def test_what_is_no_number_is_a_fault_and_never_an_alarm_or_normal(kind: str) -> None:
    found = feed(detectors_for(point(kind)), [Reading("p", math.nan, n, n) for n in range(100)])
    assert [(event.kind, event.active) for event in found] == [("fault", True)]


def test_what_latches_at_the_agent_can_be_reset_on_the_server() -> None:
    """Else nobody could ever end it: the agent would wait for a reset, the server for the agent."""
    latching = {kind for kind in KINDS if getattr(point(kind).rule, "latch", False)} - {SensorKind.PANEL}
    assert latching <= {str(hazard) for hazard in LATCHING}


@pytest.mark.parametrize("kind", KINDS)
def test_state_does_not_grow(kind: str) -> None:
    detectors = detectors_for(point(kind))

    def size(until: int) -> int:
        feed(detectors, [Reading("p", (n * 37 % 101) / 7.0 if n % 5 else n % 2 == 0, n / 50, n) for n in range(until)])
        return len(pickle.dumps(detectors))

    assert size(4000) <= size(2000) + 4000
