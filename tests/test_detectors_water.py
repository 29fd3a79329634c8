"""Water level, second gauge, and what several points of a zone say together."""

from __future__ import annotations

from dataclasses import replace

import pytest
from watching import NOON, OFF, ON, at, changes, point, series, silent, tick

from config.cameras import CameraSection, FireSection
from config.points import PointSection
from contracts.vocabulary import Severity
from detectors.coincidence import Coincidence
from detectors.findings import Event
from drivers.samples import Reading, Sample, Tick

POND = point("water-level", "m", high=2.0, critical=2.5, rise=0.3)
GAUGE = point("water-level", "mm", distance=True, high=830)
MIN10 = 600.0
JANUARY = NOON - 150 * 86400


@pytest.mark.parametrize(
    ("watched", "samples", "expected"),
    [
        (POND, series(0, MIN10, 1.9, 1.95, 2.02), ["1200 water-level on warning high-limit"]),
        (POND, series(0, MIN10, 1.0, 1.0, 2.4, 1.0, 1.0), []),
        (POND, series(0, MIN10, 1.0, 1.0, 2.4, 2.4), ["1800 water-level on warning high-limit"]),
        (POND, series(0, MIN10, 1.0, 1.0, 2.1, 2.6, 3.1, 3.1), ["1800 water-level on", "2400 water-level on critical"]),
        (
            POND,
            [*series(0, MIN10, 2.02, 2.02, 1.97, 1.9), tick(1859), tick(1860)],
            ["600 water-level on", "1860 water-level off"],
        ),
        (
            POND,
            [one for n in range(0, 60, 2) for one in series(n, 1, 1.8, 2.1)] + series(60, 1, *[1.7] * 61),
            ["3 water-level on", "120 water-level off"],
        ),
        (POND, series(0, 1, 1.2, 1.2, *[0.0] * 60, 1.2, 1.2, 1.2), ["5 fault on fault step", "63 fault off"]),
        (POND, series(0, 1, 1.2, 1.2, *[-999.0] * 60, 1.2, 1.2, 1.2), ["5 fault on fault range", "63 fault off"]),
        (POND, series(0, 1, 1.2, 1.2, *[1300.0] * 60, 1.2, 1.2, 1.2), ["5 fault on fault range", "63 fault off"]),
        (GAUGE, series(0, 1, 3000, 3001, *[0] * 60, 3000, 3001), ["5 fault on fault range", "63 fault off"]),
        (POND, series(0, 60, 1.0, 1.0, 1.0, 1.15, 1.31, 1.32), ["300 water-level on advisory rising"]),
        (
            GAUGE,
            [*series(0, MIN10, 900, 850, 825, 850, 900), tick(2460)],
            ["1200 water-level on", "2460 water-level off"],
        ),
        (GAUGE, series(0, MIN10, 3580, 3590, 820, 3600, 3600), []),
        (GAUGE, series(0, MIN10, 3000, 5003, 3000, 3000), []),
        (
            GAUGE,
            series(0, MIN10, 3000, *[5003] * 5, 3000, 3000),
            ["1200 fault on fault special-code", "4200 fault off"],
        ),
        (
            GAUGE,
            series(0, MIN10, 3000, *[5003] * 38),
            ["1200 fault on fault special-code", "22200 fault on fault stuck"],
        ),
        (GAUGE, series(0, MIN10, *[65533] * 3), ["600 fault on fault special-code"]),
        (
            GAUGE,
            [*series(0, MIN10, *[820] * 5), silent(2500), tick(2503), *series(3000, MIN10, 820, 820)],
            ["600 water-level on", "2503 fault on fault timeout", "3600 fault off"],
        ),
        (
            GAUGE,
            [*series(0, MIN10, *[3000, 3001] * 3), tick(4400), tick(4600), *series(9000, MIN10, 3000, 3001)],
            ["4600 fault on fault gap", "9600 fault off"],
        ),
        (
            GAUGE,
            [*series(0, MIN10, 820, 820, *[5003] * 9, 1500, 645, 615, 600, 1000, 1010), tick(9661)],
            ["600 water-level on", "1800 fault", "7200 fault off", "7800 water-level on warning seen-again", "9661 w"],
        ),
        (
            GAUGE,
            [*series(0, MIN10, 820, 820, *[5003] * 9, 645, 615, 600, 1000, 1010), tick(9061)],
            ["600 water-level on", "1800 fault", "7200 fault off", "7200 water-level on warning seen-again", "9061 w"],
        ),
        (
            GAUGE,
            series(0, MIN10, 820, 820, *[5003] * 5, 645, 615, 600),
            ["600 water-level on", "1800 fault on", "4800 fault off"],
        ),
    ],
    ids=[
        "a sample close to the one before counts at once",
        "a single spike is nothing",
        "two of three samples make a jump believable",
        "a fast rise is found a sample later, and its second mark too",
        "inside the deadband the alarm stays, and outside it for a minute",
        "what waves lap over is one alarm",
        "a height that falls at once and stands still is a lost wire, and no water that rises when it is back",
        "no gauge hangs a kilometre above its mark",
        "nor does it read one",
        "a distance of nought is nothing seen",
        "0.3 m in ten minutes is said before the mark is reached",
        "for a distance smaller is higher, and one near sample is enough",
        "a single false echo is nothing",
        "one missing echo is passed over",
        "missing echoes are a fault, not low water",
        "the same missing echo for hours is stuck",
        "a code of the device is no level",
        "a silence keeps the alarm, and coming back in the old state is no new one",
        "two and a half usual intervals without a sample are a gap",
        "an alarm over which the gauge was blind for an hour is said anew, once two samples agree",
        "at once where the first sample is high too",
        "a gauge that was blind for less says nothing new",
    ],
)
def test_water_level(watched: PointSection, samples: list[Sample], expected: list[str]) -> None:
    found = changes(watched, samples)
    assert len(found) == len(expected), found
    assert all(one.startswith(begin) for one, begin in zip(found, expected, strict=True)), found


def test_two_gauges_that_part_company_are_reported_and_their_zeros_may_differ() -> None:
    pond = PointSection.model_validate(
        {"id": "p", "name": "p", "kind": "water-level", "unit": "m", "rule": {"second": "q", "high": 9}}
    )
    river = PointSection.model_validate(
        {"id": "q", "name": "q", "kind": "water-level", "unit": "cm", "rule": {"at_least": 0}}
    )
    together = Coincidence((pond, river))
    assert together.wanted == {"p", "q"}
    found: list[Event] = []
    for n in range(60):
        for name, level in (("q", 100.0 + n % 7 * 2), ("p", 3.0 + n % 7 / 50 + (0.8 if n > 40 else 0.0))):
            found += together.update(Reading(name, level, n * MIN10, n * MIN10))
        found += together.update(Reading("q", -900.0, n * MIN10, n * MIN10))
    assert [(e.point, e.active, e.reason, e.at / MIN10) for e in found] == [
        ("p", False, "normal", 24.0),
        ("p", True, "second-gauge", 42.0),
    ]


def member(name: str, kind: str, zone: str = "z") -> PointSection:
    return PointSection.model_validate({"id": name, "name": name, "kind": kind, "zone": zone, "rule": {}})


def fire(
    name: str,
    kind: str,
    second: float,
    *,
    active: bool = True,
    severity: Severity = Severity.CRITICAL,
    reason: str = "x",
) -> Event:
    return Event(name, kind, active, severity, reason, second)


TWO = (member("s", "smoke"), member("h", "heat"), member("far", "heat", "other"), member("k", "exit-lock", ""))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([fire("s", "smoke", 1), fire("far", "heat", 2)], []),
        ([fire("s", "smoke", 1), fire("h", "heat", 9)], [(9, "h", "fire", True)]),
        ([fire("s", "smoke", 1), fire("s", "smoke", 2, active=False), fire("h", "heat", 9)], []),
        (
            [Reading("k", OFF, 0, 0), Reading("k", ON, 1, 1), fire("s", "smoke", 2), Reading("k", OFF, 3, 3)],
            [(2, "k", "exit-locked", True), (3, "k", "exit-locked", False)],
        ),
        ([fire("far", "heat", 1), Reading("k", ON, 2, 2)], [(2, "k", "exit-locked", True)]),
    ],
    ids=[
        "detectors of two zones are two matters",
        "two detectors of one zone are a fire at once",
        "a detector that has ended does not count",
        "an exit that is locked while an alarm stands is an alarm at once",
        "so is one that is locked during it",
    ],
)
def test_what_several_points_say_together(
    given: list[Event | Reading], expected: list[tuple[float, str, str, bool]]
) -> None:
    together = Coincidence(TWO)
    found = [event for one in given for event in together.update(one)]
    assert [(e.at, e.point, str(e.kind), e.active) for e in found] == expected


def test_a_coincidence_latches_until_a_person_resets_it_and_nothing_burns() -> None:
    together = Coincidence(TWO)
    for event in (fire("s", "smoke", 1), fire("h", "heat", 2)):
        together.update(event)
    assert together.reset("s", 3) == []
    assert together.update(fire("s", "smoke", 4, active=False)) == []
    assert [e.active for e in together.reset("s", 5)] == [False]


def test_two_pre_alarms_of_a_zone_are_a_warning_and_an_alarm_among_them_is_critical() -> None:
    together = Coincidence((member("s", "smoke"), member("t", "smoke"), member("h", "heat")))
    mild = [fire(name, "smoke", at, severity=Severity.ADVISORY) for name, at in (("s", 1.0), ("t", 2.0))]
    found = [e for given in [*mild, fire("h", "heat", 3)] for e in together.update(given)]
    assert [(e.at, e.kind, e.severity) for e in found] == [(2, "fire", "warning"), (3, "fire", "critical")]


def seen(name: str, kind: str, second: float) -> Event:
    """A camera's advisory."""
    return fire(name, kind, second, severity=Severity.ADVISORY)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param([seen("eye", "flame", 1), seen("eye", "smoke", 2)], [], id="one camera is one source"),
        pytest.param([seen("eye", "flame", 1), seen("other", "flame", 2)], [], id="all cameras are one source"),
        pytest.param(
            [seen("eye", "flame", 1), fire("s", "smoke", 2)], [(2, "critical")], id="a detector that alarms confirms it"
        ),
        pytest.param([fire("s", "smoke", 1), seen("eye", "flame", 2)], [(2, "critical")], id="in either order"),
        pytest.param(
            [seen("eye", "flame", 1), seen("s", "smoke", 2)], [(2, "warning")], id="with its pre-alarm it is a warning"
        ),
        pytest.param([seen("eye", "flame", 1), fire("far", "smoke", 2)], [], id="another zone's detector does not"),
    ],
)
def test_a_cameras_advisory_becomes_an_alarm_only_with_a_source_of_another_kind(
    given: list[Event], expected: list[tuple[float, str]]
) -> None:
    cameras = tuple(
        CameraSection(id=name, name=name, source="x", fire=FireSection(on=True, zone="z")) for name in ("eye", "other")
    )
    together = Coincidence((member("s", "smoke"), member("far", "smoke", "other")), cameras=cameras)
    found = [event for one in given for event in together.update(one)]
    assert [(e.at, e.severity) for e in found] == expected
    assert all(e.kind == "fire" for e in found)


LOCK = (member("k", "exit-lock", ""), member("s", "smoke"))


def lock(second: float, *, active: bool, severity: Severity = Severity.CRITICAL) -> Event:
    """What the lock's own rule reports in school hours."""
    return Event("k", "exit-locked", active, severity, "locked", second)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([lock(1, active=True), fire("s", "smoke", 2), fire("s", "smoke", 3, active=False)], []),
        ([lock(1, active=True), fire("s", "smoke", 2), lock(3, active=False)], [(3, True, "locked-in-alarm")]),
        (
            [
                lock(1, active=True, severity=Severity.WARNING),
                fire("s", "smoke", 2),
                fire("s", "smoke", 3, active=False),
            ],
            [(2, True, "locked-in-alarm"), (3, True, "locked")],
        ),
        (
            [fire("s", "smoke", 2), fire("s", "smoke", 3, active=False)],
            [(2, True, "locked-in-alarm"), (3, False, "normal")],
        ),
    ],
    ids=[
        "the end of an alarm does not end a lock that is wrong by the hours",
        "the end of the hours does not end a lock that is wrong by the alarm",
        "an alarm raises the grade and its end gives it back",
        "outside the hours it lasts as long as the alarm",
    ],
)
def test_a_locked_exit_is_one_state_whoever_says_it(
    given: list[Event], expected: list[tuple[float, bool, str]]
) -> None:
    together = Coincidence(LOCK)
    together.update(Reading("k", ON, 0, 0))
    assert [(e.at, e.active, e.reason) for one in given for e in together.update(one)] == expected


SHORE = (member("b", "beam"), member("m", "motion"))


@pytest.mark.parametrize(
    ("second", "utc", "expected"),
    [(9.0, NOON, [True, False]), (11.0, NOON, []), (9.0, JANUARY, [])],
    ids=["within 10 s, by day too", "later", "outside the season"],
)
def test_beam_and_motion_of_a_zone_are_a_person_at_the_water_within_10_s(
    second: float, utc: float, expected: list[bool]
) -> None:
    together = Coincidence(SHORE)
    found: list[Event] = []
    for name, at_, state in (("b", 0, OFF), ("m", 0, OFF), ("b", 1, ON), ("b", 1.2, OFF), ("m", 1 + second, ON)):
        found += together.update(Reading(name, state, at_, utc + at_))
    found += together.update(Tick(200, utc + 200))
    assert [event.active for event in found] == expected
    assert all(event.kind == "water-person" and event.severity == "critical" for event in found)


def test_a_beam_in_fault_makes_no_person_and_a_person_gone_leaves_a_broken_beam_reported() -> None:
    together = Coincidence(SHORE)
    together.update(fire("b", "fault", 0))
    for name, state in (("b", OFF), ("m", OFF), ("b", ON), ("m", ON)):
        assert together.update(Reading(name, state, 1, NOON)) == []
    together.update(fire("b", "fault", 2, active=False))
    together.update(Reading("b", OFF, 3, NOON))
    assert [e.point for e in together.update(Reading("b", ON, 4, NOON))] == ["b"]
    broken = fire("b", "water-person", 7, severity=Severity.WARNING, reason="beam")
    assert together.update(broken) == [fire("b", "water-person", 7, reason="coincidence")]
    assert together.update(Tick(90, NOON)) == [replace(broken, at=90)]


def test_samples_of_another_point_are_not_taken() -> None:
    assert changes(POND, [Reading("other", 9.0, n, n) for n in range(5)]) == []
    assert changes(POND, [at(0, 1.0)]) == []
