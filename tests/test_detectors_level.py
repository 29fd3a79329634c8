"""Level, contact and silence: tables of samples and the events they are."""

from __future__ import annotations

from itertools import pairwise

import pytest

from config.points import PointSection
from detectors import detectors_for
from detectors.findings import Event
from drivers.samples import Reading, Sample, Silence, Tick, Value


def point(kind: str, **rule: object) -> PointSection:
    return PointSection.model_validate({"id": "p", "name": "p", "kind": kind, "rule": rule, "silence_s": 30})


def at(second: float, value: Value) -> Reading:
    return Reading("p", value, second, 1e9 + second)


def silent(second: float) -> Silence:
    return Silence("p", "timeout", second, 1e9 + second)


def tick(second: float) -> Tick:
    return Tick(second, 1e9 + second)


def run(watched: PointSection, samples: list[Sample]) -> list[tuple[float, str, bool, str]]:
    detectors = detectors_for(watched)
    found = [finding for sample in samples for detector in detectors for finding in detector.update(sample)]
    return [(e.at, e.kind, e.active, e.reason) for e in found if isinstance(e, Event)]


LEVEL = point("level", high=50, deadband=2, on_delay_s=3, off_delay_s=5)
DOOR = point("contact", on_delay_s=2)
CABLE = point("electrical")
WELL = (0, "fault", False, "normal")


@pytest.mark.parametrize(
    ("watched", "samples", "expected"),
    [
        (LEVEL, [at(0, 20)], [WELL, (0, "anomaly", False, "normal")]),
        (LEVEL, [at(0, 60), at(3, 60)], [WELL, (3, "anomaly", True, "high-limit")]),
        (LEVEL, [at(0, 60), tick(2), tick(3)], [WELL, (3, "anomaly", True, "high-limit")]),
        (LEVEL, [at(0, 20), at(1, 60), at(2, 20), at(3, 60), at(5, 60)], [WELL, (0, "anomaly", False, "normal")]),
        (
            LEVEL,
            [at(0, 60), at(3, 60), at(4, 49), at(20, 49), at(21, 47), at(26, 47)],
            [WELL, (3, "anomaly", True, "high-limit"), (26, "anomaly", False, "normal")],
        ),
        (
            LEVEL,
            [at(0, 60), at(3, 60), silent(4), tick(7), at(8, 60), at(9, 60)],
            [WELL, (3, "anomaly", True, "high-limit"), (7, "fault", True, "timeout"), (9, "fault", False, "normal")],
        ),
        (LEVEL, [at(0, 20), tick(30), tick(31)], [WELL, (0, "anomaly", False, "normal"), (31, "fault", True, "gap")]),
        (LEVEL, [silent(0), silent(3)], [(3, "fault", True, "timeout")]),
        (LEVEL, [at(0, 20), silent(1), at(2, 20)], [WELL, (0, "anomaly", False, "normal")]),
        (CABLE, [at(0, 310), tick(9)], [WELL]),
        (CABLE, [at(0, 310), tick(10)], [WELL, (10, "electrical", True, "high-limit")]),
        (DOOR, [at(0, 0), at(5, 1)], [WELL, (0, "door", False, "normal")]),
        (
            DOOR,
            [at(0, "closed"), at(5, "open"), tick(7), at(9, "closed")],
            [WELL, (0, "door", False, "normal"), (7, "door", True, "on"), (9, "door", False, "normal")],
        ),
    ],
    ids=[
        "the first state is reported",
        "a limit passed at the start is reported when it has held",
        "a delay ends without a new sample",
        "a limit passed in two short pieces is no alarm",
        "inside the deadband the alarm stays and behind it the off-delay runs",
        "silence is a fault and coming back in the old state is no new alarm",
        "nothing heard for too long is a fault",
        "a sensor silent from the start is a fault and nothing is called normal",
        "one lost answer is no fault",
        "residual current of 300 mA for less than 10 s is nothing",
        "residual current of 300 mA for 10 s is an alarm",
        "a contact on for less than its delay is nothing",
        "a contact is told by its words",
    ],
)
def test_level_contact_and_silence(
    watched: PointSection, samples: list[Sample], expected: list[tuple[float, str, bool, str]]
) -> None:
    assert run(watched, samples) == expected


def _an_hour(*reasons: str) -> list[Sample]:
    """A point that is well for a moment, then silent for an hour: each 10 s one of the reasons, in turn."""
    silences = [Silence("p", reasons[n % len(reasons)], 10.0 * n, 1e9 + 10 * n) for n in range(1, 360)]
    return [at(0, 20), *(each for one in silences for each in (one, tick(one.at + 1), tick(one.at + 5)))]


def test_an_hour_of_silence_that_the_driver_explains_is_one_fault_and_no_gap_beside_it() -> None:
    faults = [reason for _, kind, active, reason in run(LEVEL, _an_hour("timeout")) if kind == "fault" and active]
    assert faults == ["timeout"]


def test_reasons_that_take_turns_are_said_once_a_minute_at_most() -> None:
    said = [when for when, kind, active, _ in run(LEVEL, _an_hour("timeout", "garbage")) if kind == "fault" and active]
    assert 1 < len(said) <= 61
    assert all(later - earlier >= 60 for earlier, later in pairwise(said))
