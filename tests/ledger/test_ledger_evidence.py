"""Evidence of an entry: readings around its alert, once, in the chain; and what lies ahead of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from ledger_clock import NOW, Clock
from sqlalchemy import insert, select

from contracts.vocabulary import Hazard, Severity
from server.accounts.permissions import Role
from server.accounts.reach import Reach
from server.alerts.alert import Alert, Change
from server.alerts.tables import alerts
from server.database import Database
from server.errors import ServerError
from server.history.latest import Key
from server.history.series import Kept
from server.ledger import evidence
from server.ledger.actions import Finding, act, report
from server.ledger.ahead import ahead, coming
from server.ledger.guards import Actor
from server.ledger.sensors import Ledger
from server.ledger.tables import journal
from server.ledger.verify import verify
from server.presence.tables import points

GRID, SAFETY = Actor("网格员", Role.GRID, Reach.of("yx-1")), Actor("安全员", Role.SAFETY, Reach.of("yx-1"))


def alert() -> Alert:
    return Alert(
        id="a1", n=1, site="yx-1", agent="lab", point="smoke-1", name="烟感", place="实验楼", grid="",
        kind=Hazard.SMOKE,
        severity=Severity.CRITICAL, active=True, acked=False, reason="limit", value=0.2, unit="dB/m", began_at=NOW,
        received_at=NOW,
    )  # fmt: skip


class Recorded:
    """A history that has two values around the alert, is away, or still waits for what was measured."""

    def __init__(self, *, away: bool = False, behind_s: float = 0.0) -> None:
        self._away = away
        self._behind_s = behind_s

    def read(self, key: Key, begin: datetime, end: datetime, limit: int) -> Sequence[Kept]:
        assert key == ("yx-1", "lab", "smoke-1")
        assert (begin, end) == (NOW - timedelta(seconds=60), NOW + timedelta(seconds=60))
        assert limit == evidence.MOST_READINGS
        if self._away:
            raise ServerError("no answer")
        return [(NOW - timedelta(seconds=1), 0.01), (NOW, 0.2)]

    def behind_s(self) -> float:
        return self._behind_s


def raised(database: Database, ledger: Ledger) -> int:
    """Record an alert and a camera beside it; return its entry."""
    one = alert()
    row = {c.name: getattr(one, c.name) for c in alerts.c if hasattr(one, c.name)}
    with database.write.begin() as connection:
        connection.execute(insert(alerts).values(**{**row, "open": True}))
        camera = {
            "site": "yx-1", "agent": "lab", "id": "cam", "name": "门厅摄像机", "kind": "camera", "place": "实验楼",
        }  # fmt: skip
        connection.execute(insert(points).values(**camera, gone=False, auxiliary=False))
        hazard = ledger.record_alert(connection, one, Change.RAISED)
    assert hazard is not None
    return hazard


def due(database: Database, at: datetime) -> Sequence[evidence.Due]:
    with database.read.connect() as connection:
        return evidence.due(connection, at)


def attach(database: Database, found: Sequence[evidence.Seen], at: datetime) -> int:
    with database.write.begin() as connection:
        return evidence.attach(connection, found, at)


LATE = NOW + timedelta(seconds=75)


def test_the_minute_either_side_is_written_once_and_chained(database: Database, ledger: Ledger, clock: Clock) -> None:
    hazard = raised(database, ledger)
    assert due(database, clock.now) == []  # the minute after is not over
    found = evidence.look(due(database, LATE), Recorded())
    assert attach(database, found, LATE) == 1
    assert attach(database, found, LATE) == 0, "another process was as quick"
    assert due(database, LATE) == []
    with database.read.connect() as connection:
        body = connection.execute(select(journal.c.body).where(journal.c.action == "evidence")).scalar_one()
        assert [value for _, value in json.loads(body)["evidence"]["readings"]] == [0.01, 0.2]
        assert [one["kind"] for one in evidence.alerts_of(connection, hazard)] == ["smoke"]
        cameras = evidence.cameras_near(connection, evidence.store.get(connection, hazard))
        assert [(camera["id"], camera["at"]) for camera in cameras] == [("cam", NOW)]
        assert verify(connection).broken is None


def test_what_was_looked_up_and_not_attached_when_the_server_died_is_due_again(
    database: Database, ledger: Ledger
) -> None:
    raised(database, ledger)
    assert len(evidence.look(due(database, LATE), Recorded())) == 1
    again = evidence.look(due(database, LATE), Recorded())  # the next run
    assert attach(database, again, LATE) == 1


@pytest.mark.parametrize(
    "history",
    [
        pytest.param(Recorded(away=True), id="it is away"),
        pytest.param(Recorded(behind_s=30.0), id="readings still wait for it"),
    ],
)
def test_a_history_that_cannot_tell_yet_is_asked_again(database: Database, ledger: Ledger, history: Recorded) -> None:
    raised(database, ledger)
    assert evidence.look(due(database, LATE), history) == []
    assert len(evidence.look(due(database, LATE + timedelta(days=3)), Recorded())) == 1


def test_a_slow_history_ends_the_tick_not_the_evidence(database: Database, ledger: Ledger) -> None:
    raised(database, ledger)
    moments = iter([0.0, 0.0, evidence.PATIENCE_S + 1.0])
    (one,) = due(database, LATE)
    assert len(evidence.look([one, one, one], Recorded(), lambda: next(moments))) == 1


def test_what_comes_next_says_what_it_lacks_and_whose_it_is(database: Database, ledger: Ledger) -> None:
    with database.write.begin() as connection:
        entry = report(connection, ledger, Finding("yx-1", "report", "灭火器过期"), GRID)
        main = coming(entry, ledger.judgement, NOW)
        assert main is not None
        assert (main.transition.action, main.missing) == ("register", ("place", "category"))
        given = {"place": "食堂", "category": "fire"}
        entry = act(connection, ledger, (entry.id, entry.version), "register", given, GRID)
        main = coming(entry, ledger.judgement, NOW)
        assert main is not None
        assert (main.transition.action, main.missing) == ("judge", ("grade", "layer"))
        assert {step.transition.action for step in ahead(entry, GRID, ledger.judgement, NOW)} == {"edit"}
        judged = {"grade": "major", "layer": "school-now"}
        entry = act(connection, ledger, (entry.id, entry.version), "judge", judged, SAFETY)
        main = coming(entry, ledger.judgement, NOW)
        assert main is not None
        assert main.transition.action == "assign"
        assert set(main.missing) >= {"responsible", "measures", "interim", "funds", "plan"}
        refused = {s.transition.action: s.refused for s in ahead(entry, SAFETY, ledger.judgement, NOW)}
        assert "须由县级或市级办理" in refused["false-alarm"]
        assert not refused["assign"]
