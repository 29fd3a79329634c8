"""Escalation at a water, said as tables of what is seen when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from config.water import Waters
from server.accounts.tables import audit
from server.alerts.actions import By, acknowledge
from server.alerts.alert import no_ledger
from server.alerts.rules import Signal
from server.alerts.store import hear, load
from server.changes import changes
from server.database import connect, sqlite_address
from server.migrate import migrate
from server.water import escalation
from server.water.plan import load_waters
from server.water.stages import Course, Seen, Stage, advance
from server.water.tables import escalations

T0 = datetime(2026, 7, 1, 6, tzinfo=UTC)
THERE, GONE, KNOWN = Seen(active=True, acked=False), Seen(active=False, acked=False), Seen(active=True, acked=True)
URGENT = Seen(active=True, acked=False, urgent=True)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param([(0, THERE), (29, THERE)], ("present", ""), id="someone who has not stayed long is only present"),
        pytest.param([(0, THERE), (20, GONE)], ("present", "left"), id="who leaves soon ends it"),
        pytest.param([(0, THERE), (30, THERE)], ("lingering", ""), id="who stays for the dwell time lingers"),
        pytest.param([(0, THERE), (5, URGENT)], ("lingering", ""), id="the agent's own word comes first"),
        pytest.param(
            [(30, THERE), (40, GONE)], ("lingering", ""), id="who vanishes after lingering may be under water"
        ),
        pytest.param([(30, THERE), (40, GONE), (90, GONE)], ("principal", ""), id="and still the principal is told"),
        pytest.param([(30, THERE), (89, THERE)], ("lingering", ""), id="not a second too early"),
        pytest.param([(30, THERE), (90, THERE)], ("principal", ""), id="nobody acknowledged: the principal is told"),
        pytest.param(
            [(30, THERE), (60, KNOWN), (200, THERE)], ("lingering", "acknowledged"), id="someone knows: it ends"
        ),
        pytest.param([(10, KNOWN)], ("present", "acknowledged"), id="known at once"),
        pytest.param([(30, THERE), (90, THERE), (95, KNOWN)], ("principal", "acknowledged"), id="late, but known"),
        pytest.param([(500, THERE)], ("lingering", ""), id="a server that was away does not skip the watch of people"),
    ],
)
def test_stages(seen: list[tuple[float, Seen]], expected: tuple[str, str]) -> None:
    course = Course(dwell_s=30, ack_s=60, began_at=T0)
    for seconds, what in seen:
        course = advance(course, what, at(seconds))
        assert advance(course, what, at(seconds)) == course
    assert (course.stage.value, course.ending) == expected


def test_no_waiting_time_is_urgent_at_once() -> None:
    course = advance(Course(dwell_s=0, ack_s=60, began_at=T0), THERE, T0)
    assert course.stage is Stage.LINGERING


def test_the_principal_is_told_once_and_a_plan_changed_meanwhile_changes_nothing(tmp_path: Path) -> None:
    database = connect(sqlite_address(tmp_path / "campus.db"))
    migrate(database)
    waters = load_waters()
    signal = Signal("s1", "pi", "zone", "water-person", active=True, severity="warning", at=T0, received_at=T0)
    with database.write.begin() as connection:
        [alert] = hear(connection, signal, no_ledger)
        escalation.tick(connection, waters, no_ledger, at(1))
    slower = Waters.model_validate({"escalation": [{"kinds": ["water-person"], "dwell_s": 900, "ack_s": 900}]})
    for seconds in (30, 60, 90, 91, 92, 300):
        with database.write.begin() as connection:
            escalation.tick(connection, slower, no_ledger, at(seconds))
    with database.write.begin() as connection:
        told = load(connection, alert.id)
        assert told.comment == "60 秒无人知晓，已上报校长"
        assert len(connection.execute(select(audit).where(audit.c.action == "water principal")).all()) == 1
        news = connection.execute(select(changes.c.payload).where(changes.c.kind == "water")).scalars().all()
        assert [one["stage"] for one in news] == ["present", "lingering", "principal"]
        acknowledge(connection, alert.id, By("gate", at(301), no_ledger))
        escalation.tick(connection, slower, no_ledger, at(302))
        [row] = connection.execute(select(escalations)).all()
        assert (row.open, row.ending) == (False, "acknowledged")
        escalation.tick(connection, slower, no_ledger, at(303))
        assert len(connection.execute(select(escalations)).all()) == 1
    database.close()


def test_history_and_what_is_shelved_begin_nothing(tmp_path: Path) -> None:
    database = connect(sqlite_address(tmp_path / "campus.db"))
    migrate(database)
    late = Signal("s1", "pi", "zone", "water-person", active=True, severity="warning", at=T0, received_at=T0, late=True)
    with database.write.begin() as connection:
        hear(connection, late, no_ledger)
        escalation.tick(connection, load_waters(), no_ledger, at(100))
        assert connection.execute(select(escalations)).all() == []
    database.close()
