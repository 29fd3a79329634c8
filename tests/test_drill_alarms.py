"""Which alarms break through a drill that runs: all but its own signal, an urgent one until a person has taken it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from drill_campus import SCHOOL, START, Campus, utc
from sqlalchemy import Connection

from server.alerts.actions import By, acknowledge
from server.alerts.alert import Alert, Change
from server.alerts.rules import Signal
from server.alerts.store import hear, listed
from server.database import connect, sqlite_address
from server.drills import store
from server.drills.view import running_now
from server.migrate import migrate


@pytest.fixture
def campus(tmp_path: Path) -> Iterator[Campus]:
    database = connect(sqlite_address(tmp_path / "campus.db"))
    migrate(database)
    yield Campus(database)
    database.close()


def no_ledger(connection: Connection, alert: Alert, change: Change) -> int | None:
    """Open no entry."""


def heard(
    campus: Campus, point: str, kind: str, seconds: float, severity: str = "critical", *, on: bool = True
) -> None:
    signal = Signal(
        site="s1", agent="panel", point=point, kind=kind, active=on, severity=severity, at=utc(seconds),
        received_at=utc(seconds),
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
    heard(campus, "door", "fire-door", 5, "warning")
    assert breaking_through(campus, drill) == ["fire-door", "water-person"]
    heard(campus, "pond", "water-person", 6, on=False)
    heard(campus, "door", "fire-door", 6, "warning", on=False)
    assert breaking_through(campus, drill) == ["water-person"]
    with campus.database.read.connect() as connection:
        alert = next(one for one in listed(connection) if one.kind == "water-person")
    campus.write(lambda c: acknowledge(c, alert.id, By("门卫", utc(20), no_ledger)))
    assert breaking_through(campus, drill) == []
