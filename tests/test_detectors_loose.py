"""Loose wires and faults that come and go: one standing fault, no alarm out of what cannot be believed."""

from __future__ import annotations

import pytest
from watching import OFF, ON, at, changes, point, series, silent, tick

from bench import loose_wires
from config.points import PointSection
from drivers.samples import Sample, Value

HEAT = point("heat")
DOOR = point("contact", on_delay_s=3)
ROOM = point("temperature", high=40)


@pytest.mark.parametrize("name", loose_wires.loose())
@pytest.mark.parametrize("interval_s", [0.5, 1.0])
def test_a_loose_thermometer_is_a_standing_fault_and_never_an_alarm(name: str, interval_s: float) -> None:
    said = [loose_wires.watch(loose_wires.loose()[name], interval_s, seed) for seed in range(3)]
    assert sum(one.alarms for one in said) == 0
    assert all(one.first_fault is not None for one in said)
    if "twice a minute" not in name:
        assert max(one.faults for one in said) <= 3


@pytest.mark.parametrize("name", loose_wires.sound())
@pytest.mark.parametrize("interval_s", [0.5, 2.0, 10.0])
def test_a_sound_thermometer_is_no_fault(name: str, interval_s: float) -> None:
    said = loose_wires.watch(loose_wires.sound()[name], interval_s, 1)
    assert (said.faults, said.alarms) == (0, 0)


@pytest.mark.parametrize("interval_s", [0.5, 1.0, 2.0, 5.0, 10.0])
def test_a_turbulent_fire_is_found_within_a_minute(interval_s: float) -> None:
    first = loose_wires.watch(loose_wires.burning, interval_s, 1).first_alarm
    assert first is not None
    assert 300 < first <= 360


def falls(*when: float, end: float, low: float = 10.0) -> list[Sample]:
    """21 degC each second, and for 2 s from each of these seconds so much."""
    return [at(n, low if any(begin <= n < begin + 2 for begin in when) else 21.0) for n in range(int(end))]


def dip(after: float) -> list[Sample]:
    """21 degC, half a minute at 9, then another value."""
    return [*series(0, 1, *[21.0] * 10), *series(10, 1, *[9.0, 9.1] * 15), *series(40, 1, *[after] * 60)]


def away(value: Value, times: int) -> list[Sample]:
    """A device that is silent for 5 s three times a minute, and says the same each time it is back."""
    lost = [[silent(20 * n), silent(20 * n + 4), *series(20 * n + 5, 1, value, value)] for n in range(1, times + 1)]
    return [at(0, value), *(sample for one in lost for sample in one)]


@pytest.mark.parametrize(
    ("watched", "samples", "expected"),
    [
        (HEAT, falls(10, 20, end=100), []),
        (HEAT, falls(10, 20, 30, end=89), ["30 fault on fault chatter"]),
        (HEAT, falls(10, 20, 30, end=120), ["30 fault on fault chatter", "93 fault off fault normal"]),
        (HEAT, falls(10, 20, 30, 80, end=142), ["30 fault on fault chatter"]),
        (HEAT, falls(10, 50, 90, end=200), []),
        (point("heat", chatter=0), falls(10, 20, 30, end=100), []),
        (
            HEAT,
            [*falls(10, 20, 30, end=40), *(at(40 + n, 90.0) for n in range(60))],
            ["30 fault on fault chatter", "93 fault off", "93 heat on critical fixed-limit"],
        ),
        (HEAT, dip(21.0), ["13 fault on fault step", "34 fault off"]),
        (HEAT, dip(45.0), ["13 fault on fault step", "34 fault off", "43 heat on critical rate-of-rise"]),
        (HEAT, series(0, 1, *[21.0] * 9, *[0.0] * 900, *[21.0] * 60), ["12 fault on fault step", "910 fault off"]),
        (HEAT, series(0, 30, *[18.0, 18.1] * 5, *[0.0] * 30, *[18.0] * 9), ["330 fault on fault step", "1230 fault"]),
        (ROOM, series(0, 1, *[21.0] * 9, *[0.0] * 900, *[21.0] * 60), ["12 fault on fault step", "910 fault off"]),
        (ROOM, series(0, 1, *[21, 21, 21, 60, 60, 21, 21, 60, 60, 21] * 3), ["7 fault on fault chatter"]),
        (ROOM, away(21, 8), ["24", "26", "44", "46", "64 fault on fault timeout"]),
        (DOOR, [*away(OFF, 3), tick(124), tick(125)], ["24", "25", "44", "45", "64 fault on", "125 fault off"]),
    ],
    ids=[
        "two falls in a minute are rejected",
        "three falls in a minute are a loose wire",
        "which is believed again when it has been steady for a minute",
        "and not before",
        "three falls in three minutes are rejected",
        "nobody asks where the rule says so",
        "what burns once the wire holds is an alarm",
        "what comes back to where it fell from has not risen",
        "what rises higher than it fell from has risen",
        "what fell and stands still is lost, however long, and has not risen when it is back",
        "at two samples a minute too",
        "and so is a room's temperature",
        "a temperature that leaps up and down is a loose wire",
        "a device that comes and goes is one standing fault from the third time on",
        "which ends without a word of a contact that speaks only when it changes",
    ],
)  # fmt: skip
def test_what_comes_and_goes(watched: PointSection, samples: list[Sample], expected: list[str]) -> None:
    found = changes(watched, samples)
    assert len(found) == len(expected), found
    assert all(one.startswith(begin) for one, begin in zip(found, expected, strict=True)), found


def test_a_contact_whose_radio_comes_and_goes_still_alarms() -> None:
    found = changes(DOOR, [*away(OFF, 3), at(70, ON), tick(72), tick(73)])
    assert found[-1].startswith("73 door on")
