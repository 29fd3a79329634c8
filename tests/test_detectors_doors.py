"""Doors, motion, contacts by the school's calendar: tables of samples and the events they are."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from watching import NIGHT, NOON, OFF, ON, at, changes, point, silent, tick

from config.points import PointSection
from config.schedules import CalendarSection, ScheduleSection
from detectors.schedules import covers
from drivers.samples import Sample

FIRE_DOOR = point("fire-door")
HOUR = 3600.0
JANUARY = NOON - 150 * 86400


@pytest.mark.parametrize(
    ("watched", "samples", "expected"),
    [
        (FIRE_DOOR, [at(0, OFF), at(1, ON), tick(10), at(10.5, OFF)], []),
        (
            FIRE_DOOR,
            [at(0, OFF), at(1, ON), *(tick(n) for n in range(2, 700)), at(700, OFF)],
            [
                "11 fire-door on advisory open",
                "61 fire-door on warning open-long",
                "601 fire-door on warning open-for-ledger",
                "700 fire-door off warning normal",
            ],
        ),
        (FIRE_DOOR, [at(0, OFF), at(1, ON), silent(5), tick(9), tick(99)], ["9 fault on fault timeout"]),
        (point("exit-lock"), [at(0, OFF), at(1, ON)], ["1 exit-locked on critical locked"]),
        (point("exit-lock"), [at(0, OFF, NIGHT), at(1, ON, NIGHT)], []),
        (
            point("exit-lock"),
            [at(0, ON, NIGHT), tick(6 * HOUR, NIGHT)],
            [f"{6 * HOUR:g} exit-locked on critical locked"],
        ),
        (point("exit-lock", inverted=True), [at(0, OFF)], ["0 exit-locked on critical locked"]),
        (point("door"), [at(0, OFF), at(1, ON), tick(600)], []),
        (point("door"), [at(0, OFF), at(1, ON), tick(601)], ["601 door on advisory held"]),
        (point("door"), [at(0, OFF, NIGHT), at(1, ON, NIGHT)], ["1 door on warning forced"]),
        (point("motion"), [at(0, OFF), at(1, ON), tick(60)], []),
        (point("motion"), [at(0, OFF, NIGHT), at(1, ON, NIGHT), at(2, OFF, NIGHT), tick(9, NIGHT)], []),
        (
            point("motion"),
            [at(0, OFF, NIGHT), at(1, ON, NIGHT), tick(4, NIGHT), at(5, OFF, NIGHT), at(9, ON, NIGHT)],
            ["4 intrusion on warning motion"],
        ),
        (
            point("motion"),
            [at(0, OFF), at(1, ON), *(tick(n * HOUR) for n in range(1, 15))],
            [f"{12 * HOUR:g} intrusion on warning motion", f"{13 * HOUR:g} fault on fault stuck"],
        ),
        (
            point("contact", on_delay_s=0),
            [at(0, OFF), *(at(n, bool(n % 2)) for n in range(10, 20)), *(tick(n) for n in range(20, 100))],
            ["11 door on warning on", "12 door off warning normal", "13 door on warning on",
             "14 door off warning normal", "15 fault on fault chatter", "79 fault off fault normal",
             "79 door on warning on"],
        ),
        (point("contact"), [at(0, OFF), at(1, ON), tick(23 * HOUR)], []),
        (point("emergency"), [at(0, OFF), at(1, ON), at(1.05, OFF)], ["1 emergency on critical pressed"]),
        (point("leak"), [at(0, OFF), at(1, ON), tick(4), at(5, OFF)], ["4 leak on warning wet"]),
        (point("life-ring-box"), [at(0, OFF), at(1, ON)], ["1 life-ring on critical box-opened"]),
        (point("life-ring"), [at(0, OFF), at(1, ON), tick(600), at(600.5, OFF)], []),
        (point("life-ring"), [at(0, OFF), at(1, ON), tick(601)], ["601 life-ring on warning missing"]),
        (point("beam"), [at(0, OFF), at(1, ON), tick(4)], ["4 water-person on warning beam"]),
        (point("beam"), [at(0, OFF, JANUARY), at(1, ON, JANUARY), tick(9, JANUARY)], []),
        (point("contact", on_delay_s=0), [at(0, OFF), at(1, "ajar")], []),
    ],
    ids=[
        "a fire door open for less than 10 s is nothing",
        "a fire door is said at 10 s, a warning at 60 s, a ledger row at 10 minutes",
        "a door that falls silent is a fault and its delay does not run on",
        "an exit locked in school hours is an alarm at once",
        "an exit locked at night is as it should be",
        "an exit still locked when school begins is an alarm then",
        "a lock wired the other way round is told by its key",
        "a door open for less than its time is nothing",
        "a door held open is said",
        "a door opened at night is forced",
        "motion by day is nothing",
        "motion of a second is nothing",
        "motion of 3 s at night is one alarm however often it fires again",
        "a PIR stuck for half a day is a fault",
        "a chattering contact is summed up as one fault until it has been quiet for a minute",
        "a plain contact that is on is no alarm by itself",
        "a one-key alarm of 50 ms counts and latches",
        "a leak of 3 s latches",
        "an opened life-ring box is an alarm at once",
        "a life ring taken for less than 10 minutes is nothing",
        "a life ring missing for 10 minutes is reported",
        "a beam broken for 3 s in the season is an alarm",
        "a beam broken in January is nothing",
        "a word that is no state is no alarm",
    ],
)  # fmt: skip
def test_doors_and_contacts(watched: PointSection, samples: list[Sample], expected: list[str]) -> None:
    assert changes(watched, samples) == expected


CALENDAR = CalendarSection.model_validate(
    {
        "terms": [["2026-03-01", "2026-07-10"]],
        "holidays": ["2026-06-19"],
        "workdays": ["2026-06-06"],
    }
)


@pytest.mark.parametrize(
    ("schedule", "instant", "covered"),
    [
        ({"hours": ["22:00-06:00"]}, "2026-06-01T16:00", True),  # midnight in Shanghai
        ({"hours": ["22:00-06:00"]}, "2026-06-01T22:00", False),
        ({"hours": ["06:30-22:00"], "days": "school"}, "2026-05-31T22:30", True),
        ({"hours": ["06:30-22:00"], "days": "school"}, "2026-06-19T04:00", False),
        ({"hours": ["06:30-22:00"], "days": "school"}, "2026-06-06T04:00", True),
        ({"hours": ["06:30-22:00"], "days": "school"}, "2026-07-20T04:00", False),
        ({"days": "free"}, "2026-06-19T04:00", True),
        ({"hours": ["22:00-06:00"], "days": "school"}, "2026-06-18T21:00", True),
        ({"months": [4, 10]}, "2026-10-31T15:59", True),
        ({"months": [4, 10]}, "2026-10-31T16:01", False),
        ({"months": [11, 2]}, "2026-01-05T04:00", True),
    ],
    ids=[
        "a night runs over midnight",
        "six in the morning ends the night",
        "Monday morning is a school day though it is Sunday in UTC",
        "a holiday is no school day",
        "a Saturday with lessons is one",
        "after the term is none",
        "a holiday is a free day",
        "a school night lasts until the morning of the holiday",
        "the season's last minute in local time",
        "the season is over by itself",
        "months may run over the new year",
    ],
)
def test_schedules(schedule: dict[str, object], instant: str, covered: bool) -> None:  # noqa: FBT001
    utc = datetime.fromisoformat(instant).replace(tzinfo=UTC).timestamp()
    assert covers(ScheduleSection.model_validate(schedule), CALENDAR, utc) is covered


def test_an_unreadable_clock_leaves_a_rule_armed() -> None:
    assert covers(ScheduleSection(hours=("22:00-06:00",)), CALENDAR, float("nan"))
