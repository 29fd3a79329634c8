"""三防 by device state, and the reminder of 联县包校 on the 20th."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from ledger_clock import NOW
from sqlalchemy import Connection, Row, insert, select

from config.duties import Duty
from server.accounts import users
from server.accounts.permissions import Role
from server.accounts.reach import Reach
from server.alerts.alert import no_ledger
from server.alerts.rules import Signal
from server.alerts.store import hear
from server.database import Database
from server.duties import devices
from server.duties.plan import load_plan
from server.duties.tables import records
from server.duties.tasks import Standing, Task, tasks
from server.presence.presence import PRESENCE
from server.presence.tables import agents, points

PLAN = load_plan()


def point(connection: Connection, name: str, kind: str, *, site: str = "yx-1", gone: bool = False) -> None:
    row = {c.name: "" for c in points.columns if not c.nullable and c.default is None and c.server_default is None}
    row |= {"site": site, "agent": "lab", "id": name, "name": name, "kind": kind, "place": "校门", "gone": gone}
    known = {c.name for c in points.columns}
    more = {"auxiliary": False, "limits": [], "silence_s": 60.0, "grid": "", "zone": "", "unit": ""}
    connection.execute(insert(points).values({**row, **{k: v for k, v in more.items() if k in known}}))


def fault(connection: Connection, at_point: str, *, active: bool) -> None:
    signal = Signal(
        site="yx-1", agent="lab", point=at_point, kind="fault", active=active, severity="fault", reason="silent",
        at=NOW, received_at=NOW, name=at_point,
    )  # fmt: skip
    hear(connection, signal, no_ledger)


def kept(connection: Connection) -> list[tuple[str, float, str]]:
    devices.keep(connection, devices.changed(connection, PLAN.duties), NOW + timedelta(seconds=len(_all(connection))))
    return [(row.duty, row.amount, row.evidence["不正常"]) for row in _all(connection)]


def _all(connection: Connection) -> list[Row[Any]]:
    return list(connection.execute(select(records).order_by(records.c.id)))


def test_three_defences_follow_the_devices_and_are_kept_only_when_they_change(database: Database) -> None:
    with database.write.begin() as connection:
        point(connection, "一键报警", "emergency")
        point(connection, "东门摄像机", "camera")
        point(connection, "拆掉的摄像机", "camera", gone=True)
        point(connection, "烟感", "smoke")
        assert kept(connection) == [("M10c", 100.0, "")]
        assert kept(connection) == [("M10c", 100.0, "")]
        fault(connection, "东门摄像机", active=True)
        assert kept(connection)[1:] == [("M10c", 50.0, "校门 东门摄像机")]
        fault(connection, PRESENCE, active=True)  # its whole agent is silent
        assert kept(connection)[2:] == [("M10c", 0.0, "校门 一键报警、校门 东门摄像机")]
        fault(connection, PRESENCE, active=False)
        fault(connection, "东门摄像机", active=False)
        assert kept(connection)[3:] == [("M10c", 100.0, "")]


def test_the_share_is_the_amount_of_the_duty_and_no_person_says_otherwise(database: Database) -> None:
    with database.write.begin() as connection:
        connection.execute(insert(agents).values(_agent(connection)))
        point(connection, "一键报警", "emergency")
        fault(connection, "一键报警", active=True)
        kept(connection)
        task = _task(connection, "M10c")
        assert (task.amount, task.standing) == (0.0, Standing.WARNED)
        assert "不正常 校门 一键报警" in task.devices
        assert devices.proved(connection, task.duty, "yx-1")
        assert not devices.proved(connection, task.duty, "yx-2")
        assert not devices.proved(connection, _duty("M10b"), "yx-1")


@pytest.mark.parametrize(
    ("day", "standing"),
    [pytest.param(19, Standing.OPEN, id="on the 19th"), pytest.param(20, Standing.WARNED, id="on the 20th"),
     pytest.param(31, Standing.WARNED, id="on the last day")],
)  # fmt: skip
def test_who_was_at_no_school_is_reminded_from_the_20th(database: Database, day: int, standing: Standing) -> None:
    with database.write.begin() as connection:
        users.put(connection, "县局甲", Role.COUNTY, "x", NOW - timedelta(days=90), Reach.of("yx-1", "yx-2"))
        now = NOW.replace(month=5, day=day)
        assert _task(connection, "M04", now).standing is standing


def _duty(name: str) -> Duty:
    found = PLAN.duties.duty(name)
    assert found is not None
    return found


def _task(connection: Connection, name: str, now: datetime = NOW) -> Task:
    day = now.astimezone(PLAN.zone).date()
    (task,) = [t for t in tasks(connection, PLAN, ("yx-1",), day, day, now) if t.duty.id == name]
    return task


def _agent(connection: Connection) -> dict[str, object]:
    assert connection is not None
    row: dict[str, object] = {}
    for column in agents.columns:
        if not column.nullable and column.default is None and column.server_default is None:
            kind = column.type.python_type
            row[column.name] = NOW if kind is datetime else kind()
    return {**row, "site": "yx-1", "agent": "lab", "first_seen_at": NOW - timedelta(days=30)}
