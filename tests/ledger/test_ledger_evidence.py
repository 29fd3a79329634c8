"""Evidence of an entry: readings around its alert, once, in the chain; and what lies ahead of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from ledger_clock import NOW, Clock
from sqlalchemy import insert, select

from contracts.vocabulary import Hazard, Severity
from server.accounts.permissions import Role
from server.alerts.alert import Alert, Change
from server.alerts.tables import alerts
from server.database import Database
from server.errors import ServerError
from server.history.latest import Key
from server.ledger import evidence
from server.ledger.actions import Finding, act, report
from server.ledger.ahead import ahead, coming
from server.ledger.guards import Actor
from server.ledger.sensors import Ledger
from server.ledger.tables import journal
from server.ledger.verify import verify
from server.presence.tables import points

GRID, SAFETY = Actor("网格员", Role.GRID, "yx-1"), Actor("安全员", Role.SAFETY, "yx-1")


def alert() -> Alert:
    return Alert(
        id="a1", n=1, site="yx-1", agent="lab", point="smoke-1", name="烟感", place="实验楼", grid="",
        kind=Hazard.SMOKE,
        severity=Severity.CRITICAL, active=True, acked=False, reason="limit", value=0.2, unit="dB/m", began_at=NOW,
        received_at=NOW,
    )  # fmt: skip


def history(key: Key, begin: datetime, end: datetime, limit: int) -> Sequence[tuple[datetime, float | str | None]]:
    assert key == ("yx-1", "lab", "smoke-1")
    assert (begin, end) == (NOW - timedelta(seconds=60), NOW + timedelta(seconds=60))
    assert limit == evidence.MOST_READINGS
    return [(NOW - timedelta(seconds=1), 0.01), (NOW, 0.2)]


def no_history(_key: Key, _begin: datetime, _end: datetime, _limit: int) -> Sequence[tuple[datetime, float | None]]:
    raise ServerError("no file")


def test_the_minute_either_side_is_written_once_and_chained(database: Database, ledger: Ledger, clock: Clock) -> None:
    one = alert()
    row = {c.name: getattr(one, c.name) for c in alerts.c if hasattr(one, c.name)}
    with database.write.begin() as connection:
        connection.execute(insert(alerts).values(**{**row, "open": True}))
        camera = {
            "site": "yx-1",
            "agent": "lab",
            "id": "cam",
            "name": "门厅摄像机",
            "kind": "camera",
            "place": "实验楼",
        }
        connection.execute(insert(points).values(**camera, gone=False, auxiliary=False))
        hazard = ledger.record_alert(connection, one, Change.RAISED)
        assert hazard is not None
        assert evidence.gather(connection, history, clock.now) == 0  # the minute after is not over
        late = NOW + timedelta(seconds=75)
        assert evidence.gather(connection, no_history, late) == 0
        assert evidence.gather(connection, history, late) == 1
        assert evidence.gather(connection, history, late) == 0
        body = connection.execute(select(journal.c.body).where(journal.c.action == "evidence")).scalar_one()
        assert [value for _, value in json.loads(body)["evidence"]["readings"]] == [0.01, 0.2]
        assert [one["kind"] for one in evidence.alerts_of(connection, hazard)] == ["smoke"]
        cameras = evidence.cameras_near(connection, evidence.store.get(connection, hazard))
        assert [(camera["id"], camera["at"]) for camera in cameras] == [("cam", NOW)]
        assert verify(connection).broken is None


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
