"""Which alarms break through a drill that runs: all but its own signal and the doors that people hold open in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from drill_campus import NOW, SCHOOL, START, Campus, campus_in, moment, utc

from server.alerts.actions import By, acknowledge
from server.alerts.alert import Alert, no_ledger
from server.alerts.rules import Signal
from server.alerts.store import hear, listed
from server.drills import doors, store
from server.drills.conductor import Conductor
from server.drills.doors import RETURN_S
from server.drills.inputs import Ended, Start
from server.drills.inputs import Signal as Given
from server.drills.record import door
from server.drills.view import running_now


@pytest.fixture
def campus(tmp_path: Path) -> Iterator[Campus]:
    with campus_in(tmp_path) as made:
        yield made


def heard(
    campus: Campus, point: str, kind: str, seconds: float, severity: str = "critical", *, on: bool = True,
    reason: str = "", drill: bool = False,
) -> None:  # fmt: skip
    signal = Signal(
        site="s1", agent="panel", point=point, kind=kind, active=on, severity=severity, at=utc(seconds),
        received_at=utc(seconds), reason=reason, drill=drill,
    )  # fmt: skip
    campus.write(lambda c: hear(c, signal, no_ledger))


def breaking_through(campus: Campus, drill: str) -> list[str]:
    with campus.database.read.connect() as connection:
        return sorted(one.kind for one in running_now(connection, store.get(connection, drill), SCHOOL).alarms)


def test_the_drills_own_signal_and_what_was_over_before_do_not_break_through(campus: Campus) -> None:
    heard(campus, "pond", "water-person", -40)
    heard(campus, "pond", "water-person", -30, on=False)
    drill = campus.plan()
    campus.say(drill, START)
    heard(campus, "siren", "fire", 1)
    heard(campus, "room", "temperature", 2, "advisory")
    assert breaking_through(campus, drill) == []


def test_an_urgent_alarm_that_is_over_stands_until_a_person_has_taken_it_a_lesser_one_goes(campus: Campus) -> None:
    drill = campus.plan()
    campus.say(drill, START)
    heard(campus, "pond", "water-person", 5)
    heard(campus, "cable", "electrical", 5, "warning")
    assert breaking_through(campus, drill) == ["electrical", "water-person"]
    heard(campus, "pond", "water-person", 6, on=False)
    heard(campus, "cable", "electrical", 6, "warning", on=False)
    assert breaking_through(campus, drill) == ["water-person"]
    with campus.database.read.connect() as connection:
        alert = next(one for one in listed(connection) if one.kind == "water-person")
    campus.write(lambda c: acknowledge(c, alert.id, By("门卫", utc(20), no_ledger)))
    assert breaking_through(campus, drill) == []


DOOR_CASES = {
    "a fire door held open": (("fire-door", "warning", "open"), False),
    "a door held open": (("door", "warning", "held"), False),
    "a door that is forced": (("door", "warning", "forced"), True),
    "an exit that is locked": (("exit-locked", "critical", "locked"), True),
    "a fire": (("fire", "critical", ""), True),
    "a fire door that its school calls urgent": (("fire-door", "critical", "open"), True),
}


@pytest.mark.parametrize(("alarm", "real"), DOOR_CASES.values(), ids=DOOR_CASES)
def test_only_a_door_that_is_held_open_is_of_the_drill(
    campus: Campus, alarm: tuple[str, str, str], *, real: bool
) -> None:
    drill = campus.plan()
    campus.say(drill, START)
    kind, severity, reason = alarm
    heard(campus, "door", kind, 5, severity, reason=reason, drill=True)
    assert breaking_through(campus, drill) == ([kind] if real else [])


def test_a_fire_door_that_stood_open_before_the_drill_is_no_door_of_the_drill(campus: Campus) -> None:
    heard(campus, "door", "fire-door", -300, "warning")
    drill = campus.plan()
    campus.say(drill, START)
    assert breaking_through(campus, drill) == ["fire-door"]


def conducted(campus: Campus, drill: str) -> Conductor:
    """Run a drill of a minute in which a fire door was held open and a person has seen it; nobody shut it."""
    conductor = campus.conductor()
    campus.say(drill, START)
    heard(campus, "door", "fire-door", 20, "advisory", drill=True)
    campus.write(lambda c: acknowledge(c, door_alert(campus).id, By("门卫", utc(25), no_ledger)))
    campus.say(drill, Ended("end", moment(60)))
    conductor.step(NOW + 61)
    return conductor


def door_alert(campus: Campus) -> Alert:
    with campus.database.read.connect() as connection:
        return next(one for one in listed(connection) if one.kind == "fire-door")


def test_a_door_left_open_after_a_drill_is_a_real_alarm_once_everybody_could_be_back(campus: Campus) -> None:
    conductor = conducted(campus, campus.plan())
    heard(campus, "door", "fire-door", 70, "warning")  # a minute open, the drill just over
    conductor.step(NOW + RETURN_S)
    assert door_alert(campus).drill
    conductor.step(NOW + 61 + RETURN_S)
    after = door_alert(campus)
    assert (after.drill, after.state, after.severity) == (False, "active-unacked", "warning")
    conductor.step(NOW + 100 + RETURN_S)
    assert door_alert(campus).n == after.n  # said once


def test_a_door_that_was_shut_after_a_drill_stays_of_the_drill_and_one_opened_anew_is_real(campus: Campus) -> None:
    conductor = conducted(campus, campus.plan())
    heard(campus, "door", "fire-door", 90, "advisory", on=False)
    conductor.step(NOW + 100 + RETURN_S)
    assert (door_alert(campus).drill, door_alert(campus).state) == (True, "cleared-acked")
    heard(campus, "door", "fire-door", 95, "warning")
    assert not door_alert(campus).drill


def test_a_door_opened_in_one_drill_is_not_told_as_real_in_the_next(campus: Campus) -> None:
    conductor = conducted(campus, campus.plan())
    second = campus.plan()
    campus.say(second, Start("again", Given.EVACUATE, moment(RETURN_S), "按钮"))
    conductor.step(NOW + 61 + RETURN_S)
    assert breaking_through(campus, second) == []


def test_the_record_says_which_doors_were_held_open_and_whether_they_were_shut(campus: Campus) -> None:
    drill = campus.plan()
    conducted(campus, drill)
    heard(campus, "later", "fire-door", 300, "warning")

    def held() -> list[str]:
        with campus.database.read.connect() as connection:
            return [door(one) for one in doors.in_drill(connection, store.get(connection, drill))]

    assert held() == ["door 16:00:20–仍未关"]
    heard(campus, "door", "fire-door", 90, on=False)
    assert held() == ["door 16:00:20–16:01:30"]
