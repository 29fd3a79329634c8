"""Fire rules: heat, smoke, CO, gas, flame, panel; tables of samples and the events they are."""

from __future__ import annotations

import random

import pytest
from watching import OFF, ON, at, changes, events, feed, point, series, silent, tick

from detectors import detectors_for
from drivers.samples import Sample, Value

HEAT = point("heat")
CO = point("co")


def ramp(start: float, step: float, per_s: float, seconds: float, base: float = 20.0) -> list[Sample]:
    return [at(start + n * step, base + n * step * per_s) for n in range(int(seconds / step))]


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (series(0, 1, *[20.0] * 60), []),
        (ramp(0, 1, 8.0 / 60, 400, base=10), ["354 heat on critical fixed-limit"]),
        (series(0, 1, 20, 20, 20, 29, 29, 29, 29), ["6 heat on critical rate-of-rise"]),
        (series(0, 1, 20, 20, 20, 29, 20, 20, 20, 29, 20), []),
        (series(0, 1, 20, 20, 20, 5, 20, 20, 20, 20, 20, 20), []),
        (series(0, 10, 20, 20, 20, 29, 29), ["40 heat on critical rate-of-rise"]),
        ([*series(0, 1, 20, 20, 20), *series(40, 1, 30, 30, 30, 30)], ["43 heat on critical rate-of-rise"]),
        ([*series(0, 1, 20, 20, 20), silent(4), tick(8), *series(300, 1, 35, 35, 35, 35, 35)], ["8 fault on", "301"]),
        (series(0, 1, *[57.9, 57.7, 57.8] * 50), []),
        (series(0, 1, *[66.0] * 5), ["1 heat on critical fixed-limit"]),
        (series(0, 1, *[1260.53] * 20), ["3 fault on fault special-code"]),
        (series(0, 1, 20, 20, 20, 1260.5, 20, 20, 1260.5, 20), []),
        (series(0, 1, 20, 20, 20, 1200, 1200, 1200, 1200, 1200), ["6 fault on fault range"]),
        (series(0, 2, *[28, 27, 22, 14, 7, 28, 28, 12, 32, 13, 8, 9, 28, 31, 12, 20] * 2), ["fault"]),
        (series(0, 1, 20, 20, 20, float("nan"), float("nan"), 20, 20), []),
        (series(0, 1, 20, 20, 20, ON, "hot", ON, "hot", ON), ["6 fault on fault not-a-number"]),
        (series(0, 3600, *[21.5] * 30), ["86400 fault on fault stuck"]),
    ],
    ids=[
        "a still room is nothing",
        "a slow rise is found by the fixed limit, by a sample more to confirm it",
        "8.3 K within a minute is found when it has held for 3 s",
        "a rise that does not hold is nothing",
        "one odd low value makes no rise",
        "a rise is found at a sample every 10 s",
        "a rise over missing samples is found",
        "a rise over a silence is none, and silence is a fault",
        "left-over heat below the upper end of the class is no fire",
        "above the upper end of the class it is, whatever its course",
        "an open thermocouple is a fault within 10 s and never an alarm",
        "an open contact that comes and goes is rejected",
        "what no air can be is out of range",
        "a loose thermocouple that falls and comes back is a fault and no rise",
        "two values that are not numbers for a moment are passed over",
        "a word or a bit is no temperature",
        "the same raw value for a day is stuck",
    ],
)
def test_heat(samples: list[Sample], expected: list[str]) -> None:
    found = changes(HEAT, samples)
    if expected == ["fault"]:
        assert found
        assert all(" fault " in one for one in found)
        return
    assert len(found) == len(expected)
    assert all(one.startswith(begin) for one, begin in zip(found, expected, strict=True))


def test_a_latched_alarm_ends_only_by_a_person_and_only_when_its_cause_is_gone() -> None:
    detectors = detectors_for(HEAT)
    alarm = [*series(0, 1, 20, 20, 20, 40, 40, 40, 40), *series(100, 1, *[39.9] * 3)]
    assert [e.active for s in alarm for d in detectors for e in d.update(s) if e.kind == "heat"] == [False, True]  # pyright: ignore[reportAttributeAccessIssue]
    for sample in series(200, 1, *[66.0] * 3):
        assert not [e for d in detectors for e in d.update(sample)]
    assert not [e for d in detectors for e in d.reset(203)]
    for sample in series(300, 1, *[66.0 - n / 2 for n in range(70)]):
        assert not [e for d in detectors for e in d.update(sample)]
    assert [e.active for d in detectors for e in d.reset(400)] == [False]  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([at(0, OFF), at(5, ON), at(6, OFF)], ["5 smoke on critical alarm"]),
        (series(0, 1, 0.0, 0.16, 0.0, 0.16, 0.0), []),
        (series(0, 1, 0.0, 0.16, 0.16), ["2 smoke on critical alarm"]),
        (series(0, 1, 0.0, 0.08, 0.08, 0.2, 0.2), ["2 smoke on advisory pre-alarm", "4 smoke on critical alarm"]),
        (
            [*series(0, 1, 0.0, 0.08, 0.08), *series(3, 10, 0.0, 0.0)],
            ["2 smoke on advisory pre-alarm", "13 smoke off advisory normal"],
        ),
        (series(0, 1, -1.0, -1.0, -1.0, -1.0), ["3 fault on fault range"]),
    ],
    ids=[
        "the detector's own bit counts at once and latches",
        "one dense sample is nothing",
        "two dense samples are an alarm",
        "half of the limit is a pre-alarm",
        "a pre-alarm ends by itself",
        "a density below nothing is a fault",
    ],
)
def test_smoke(samples: list[Sample], expected: list[str]) -> None:
    assert changes(point("smoke"), samples) == expected


@pytest.mark.parametrize(
    ("ppm", "least_min", "most_min"),
    [(30, 121, None), (50, 60, 90), (70, 60, 240), (100, 10, 40), (150, 10, 50), (300, 0, 3), (400, 0, 15)],
)
def test_co_alarms_within_the_times_of_the_standards(ppm: float, least_min: float, most_min: float | None) -> None:
    found = [e for e in events(CO, series(0, 10, *[float(ppm)] * 1500)) if e.active]
    if most_min is None:
        assert not found
    else:
        assert [e.kind for e in found] == ["co"]
        assert least_min <= found[0].at / 60 <= most_min


def test_co_in_two_halves_with_clean_air_between_is_no_alarm_and_with_45_ppm_between_is() -> None:
    half = [150.0] * 60
    for between, expected in (([10.0], []), ([45.0], ["co"])):
        found = events(CO, series(0, 10, *half, *between * 30, *half))
        assert [e.kind for e in found if e.active] == expected


@pytest.mark.parametrize(
    ("kind", "alarm", "calm"),
    [
        ("smoke", [ON], [OFF]),
        ("flame", [ON] * 5, [OFF] * 20),
        ("co", [400.0] * 300, [0.0] * 5),
        ("gas", [0.0, 0.0, 60.0, 60.0], [0.0] * 60),
        ("emergency", [ON], [OFF]),
        ("leak", [ON] * 5, [OFF] * 5),
        ("panel", ["fire"], ["normal"]),
    ],
)
def test_a_life_alarm_stands_until_a_person_resets_it(kind: str, alarm: list[Value], calm: list[Value]) -> None:
    detectors = detectors_for(point(kind))
    feed(detectors, series(0, 1, *calm[:1]))
    assert any(e.active and e.kind != "fault" for e in feed(detectors, series(10, 1, *alarm)))
    assert feed(detectors, series(1000, 1, *calm)) == []
    assert [e.active for d in detectors for e in d.reset(2000)] == [False]  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (series(0, 1, 0, 12, 0, 12, 0), []),
        (series(0, 30, 0, 4, 8, 12, 12), ["120 gas on warning low-alarm"]),
        (series(0, 1, 0, 0, 0, 11, 12), ["4 gas on critical rising"]),
        (series(0, 60, 0, 8, 15, 22, 30, 39, 48, 55, 55), ["180 gas on warning", "480 gas on critical high-alarm"]),
    ],
    ids=["one sample is nothing", "the low alarm warns", "a quick rise is critical", "the high alarm is critical"],
)
def test_gas(samples: list[Sample], expected: list[str]) -> None:
    found = changes(point("gas"), samples)
    assert len(found) == len(expected)
    assert all(one.startswith(begin) for one, begin in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([at(0, OFF), at(1, ON), at(3, OFF)], []),
        ([at(0, OFF), at(1, ON), tick(4)], ["4 flame on critical flame"]),
    ],
    ids=["a flicker of 2 s is nothing", "3 s of flame is an alarm, and no second sample is needed"],
)
def test_flame(samples: list[Sample], expected: list[str]) -> None:
    assert changes(point("flame"), samples) == expected


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (series(0, 1, "normal", "fire", "normal"), ["1 fire on critical panel-fire"]),
        (series(0, 1, "normal", "fire+fault"), ["1 fire on critical panel-fire"]),
        (series(0, 1, "normal", "fault", "normal"), ["1 fault on fault fault", "2 fault off fault normal"]),
        (series(0, 1, "shielded"), ["0 fault on fault shielded"]),
        (series(0, 1, 1.0, 2.0), ["1 fire on critical panel-fire"]),
        (series(0, 1, "normal", "emergency"), ["1 emergency on critical panel-emergency"]),
    ],
    ids=[
        "a fire word counts at once and latches",
        "a fire of a part with a fault is a fire",
        "a part's own fault is a fault and ends",
        "a shielded part is a fault, for it will not report",
        "state bits are read as GB/T 26875.3 numbers them",
        "a one-key alarm at the panel is one",
    ],
)
def test_panel(samples: list[Sample], expected: list[str]) -> None:
    assert changes(point("panel"), samples) == expected


@pytest.mark.parametrize("interval_s", [0.5, 1.0, 10.0])
def test_noise_in_a_hot_room_is_no_warming_and_a_slow_warming_is_found_in_it(interval_s: float) -> None:
    noise = random.Random(3)
    still = [57.3 + noise.gauss(0.0, 0.5) for _ in range(1200)]
    assert changes(HEAT, series(0, interval_s, *still)) == []
    warming = [50.0 + n * interval_s / 60.0 + noise.gauss(0.0, 0.2) for n in range(round(600 / interval_s))]
    found = changes(HEAT, series(0, interval_s, *warming))
    assert len(found) == 1
    assert found[0].endswith("heat on critical fixed-limit")
