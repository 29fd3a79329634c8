"""Alerts: four states, one open per point and hazard, latching, history, and what persons may do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, func, select
from sqlalchemy.exc import IntegrityError

from contracts.messages import Value
from contracts.vocabulary import SEEN_AGAIN
from server.alerts import actions
from server.alerts.actions import By
from server.alerts.alert import Alert, Change
from server.alerts.rules import Signal, Step, judge, raised
from server.alerts.store import Position, hear, listed, save
from server.alerts.tables import alert_actions, alerts
from server.alerts.view import AlertView, payload
from server.batch import batching
from server.changes import changes
from server.database import connect, sqlite_address
from server.errors import RefusedError, UnknownError
from server.migrate import migrate

AT = datetime(2026, 9, 1, 6, tzinfo=UTC)


def signal(kind: str = "fire-door", *, active: bool = True, minute: int = 0, severity: str = "warning") -> Signal:
    at = AT + timedelta(minutes=minute)
    return Signal("no1", "lab", "door-1", kind, active, severity, at, at, reason="test", name="防火门")


@dataclass
class Book:
    """A ledger that works: it gives each alert a number and keeps what it heard."""

    heard: list[tuple[str, Change]] = field(default_factory=list[tuple[str, Change]])

    def __call__(self, connection: Connection, alert: Alert, change: Change) -> int | None:
        self.heard.append((alert.id, change))
        return alert.hazard or len(self.heard)


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    database = connect(sqlite_address(tmp_path / "campus.db"))
    migrate(database)
    with database.write.begin() as opened:
        yield opened
    database.close()


ON, OFF, ACK, RESET = "on", "off", "ack", "reset"


@pytest.mark.parametrize(
    ("kind", "steps", "state", "count"),
    [
        pytest.param("fire-door", [OFF], None, 0, id="normal with nothing open is nothing"),
        pytest.param("fire-door", [ON], "active-unacked", 1, id="coming on raises"),
        pytest.param("fire-door", [ON, ON], "active-unacked", 2, id="coming on twice is counted, not doubled"),
        pytest.param("fire-door", [ON, ACK], "active-acked", 1, id="a person acknowledges"),
        pytest.param("fire-door", [ON, ACK, ON], "active-acked", 2, id="the same state again stays acknowledged"),
        pytest.param("fire-door", [ON, OFF], "cleared-unacked", 1, id="it ends before anybody has seen it"),
        pytest.param("fire-door", [ON, OFF, OFF], "cleared-unacked", 1, id="ending twice changes nothing"),
        pytest.param("fire-door", [ON, OFF, ON], "active-unacked", 2, id="it comes back on the same card"),
        pytest.param("fire-door", [ON, ACK, OFF], None, 1, id="acknowledged and ended is closed"),
        pytest.param("fire-door", [ON, OFF, ACK], None, 1, id="ended and acknowledged is closed"),
        pytest.param("smoke", [ON, OFF], "active-unacked", 1, id="smoke latches"),
        pytest.param("smoke", [ON, ACK, OFF], "active-acked", 1, id="smoke latches after its acknowledgement too"),
        pytest.param("smoke", [ON, OFF, RESET], None, 1, id="a reset ends a latched alarm that is normal"),
        pytest.param("smoke", [ON, RESET], "active-acked", 1, id="a reset cannot end an alarm that still burns"),
        pytest.param("smoke", [ON, RESET, OFF], None, 1, id="after the reset it ends when the point is normal"),
        pytest.param("smoke", [ON, ACK, OFF, ON], "active-unacked", 2, id="smoke again wants a person again"),
        pytest.param("smoke", [ON, RESET, ON, OFF], "active-unacked", 2, id="smoke after a reset latches anew"),
    ],
)
def test_four_states(
    connection: Connection, book: Book, kind: str, steps: list[str], state: str | None, count: int
) -> None:
    for minute, step in enumerate(steps):
        by = By("门卫", AT + timedelta(minutes=minute), book)
        match step:
            case "ack":
                actions.acknowledge(connection, listed(connection)[0].id, by)
            case "reset":
                actions.reset(connection, listed(connection)[0].id, by)
            case _:
                hear(connection, signal(kind, active=step == ON, minute=minute), book)
    standing = listed(connection, only_open=True)
    assert [alert.state for alert in standing] == ([] if state is None else [state])
    assert sum(alert.count for alert in listed(connection)) == count


def test_every_change_is_one_line_of_the_feed_and_of_the_ledger(connection: Connection, book: Book) -> None:
    hear(connection, signal(), book)
    hear(connection, signal(active=False, minute=1), book)
    rows = connection.execute(select(changes.c.n, changes.c.payload).order_by(changes.c.n)).all()
    assert [(n, payload["change"], payload["state"]) for n, payload in rows] == [
        (1, "raised", "active-unacked"), (2, "cleared", "cleared-unacked"),
    ]  # fmt: skip
    assert rows[0].payload["began_at"] == "2026-09-01T06:00:00Z"
    assert [change for _, change in book.heard] == [Change.RAISED, Change.CLEARED]
    assert listed(connection)[0].n == 2
    assert listed(connection)[0].hazard == 1


def test_the_database_itself_holds_one_open_alert_per_point_and_hazard(connection: Connection, book: Book) -> None:
    for alert_id in ("a", "b"):
        step = Step(raised(signal(), alert_id), Change.RAISED)
        if alert_id == "a":
            save(connection, step, AT, book)
            continue
        with pytest.raises(IntegrityError), connection.begin_nested():
            save(connection, step, AT, book)


def test_a_worse_severity_wants_a_person_again() -> None:
    alert = replace(raised(signal(), "a"), acked=True)
    step = judge(alert, signal(severity="critical"), "b")
    assert step is not None
    assert (step.alert.state, step.alert.severity) == ("active-unacked", "critical")
    step = judge(alert, signal(severity="advisory"), "b")
    assert step is not None
    assert (step.alert.state, step.alert.severity) == ("active-acked", "warning")


def test_a_standing_fault_tells_its_newest_reason_and_wants_nobody_again_for_it() -> None:
    alert = replace(raised(replace(signal("fault"), reason="disk-low"), "a"), acked=True)
    step = judge(alert, replace(signal("fault"), reason="disk-full"), "b")
    assert step is not None
    assert (step.alert.state, step.alert.reason) == ("active-acked", "disk-full")


def test_an_alarm_seen_again_after_its_sensor_was_blind_wants_a_person_again() -> None:
    alert = replace(raised(signal("water-level"), "a"), acked=True)
    step = judge(alert, replace(signal("water-level"), reason=SEEN_AGAIN), "b")
    assert step is not None
    assert (step.alert.state, step.alert.reason, step.alert.count) == ("active-unacked", SEEN_AGAIN, 2)


def test_open_alerts_come_by_severity_then_age(connection: Connection, book: Book) -> None:
    for minute, (kind, severity) in enumerate(
        [("fault", "fault"), ("door", "advisory"), ("smoke", "critical"), ("gas", "critical"), ("leak", "warning")]
    ):
        hear(connection, signal(kind, minute=minute, severity=severity), book)
    assert [a.kind for a in listed(connection, only_open=True)] == ["smoke", "gas", "leak", "door", "fault"]


@pytest.mark.parametrize(
    ("order", "state", "count"),
    [
        pytest.param([1, 2, 3], "active-unacked", 2, id="in order"),
        pytest.param([1, 3, 2], "active-unacked", 2, id="alarms first: the old clear does not end the new alarm"),
        pytest.param([2, 3, 1], "active-unacked", 2, id="the first comes last"),
        pytest.param([3, 1, 2], "active-unacked", 2, id="the newest comes first"),
    ],
)
def test_events_out_of_order_leave_the_newest_state(
    connection: Connection, book: Book, order: list[int], state: str, count: int
) -> None:
    """1 on, 2 off, 3 on, in any order of arrival."""
    for seq in order:
        hear(connection, signal(active=seq != 2, minute=seq), book, Position("epoch", seq))
    standing = listed(connection, only_open=True)
    assert [a.state for a in standing if a.active] == [state]
    assert sum(a.count for a in standing) == count


def test_an_overtaken_alarm_is_recorded_as_history_and_stays_off(connection: Connection, book: Book) -> None:
    hear(connection, signal(active=False, minute=2), book, Position("epoch", 2))
    hear(connection, signal(minute=1), book, Position("epoch", 1))
    [alert] = listed(connection)
    assert (alert.state, alert.late) == ("cleared-unacked", True)


def test_a_fire_that_is_overtaken_by_its_own_end_stands_until_a_person_resets_it(
    connection: Connection, book: Book
) -> None:
    hear(connection, signal("fire", active=False, minute=1), book, Position("epoch-1", 2))
    hear(connection, signal("fire"), book, Position("epoch-1", 1))
    [alert] = listed(connection, only_open=True)
    assert (alert.state, alert.latched, alert.late) == ("active-unacked", True, False)
    assert alert.normal_at is not None


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1), timedelta(days=400)])
def test_a_jump_of_the_wall_clock_neither_ends_nor_extends_a_shelf(
    jump: timedelta, connection: Connection, book: Book
) -> None:
    [alert] = hear(connection, signal(), book)
    actions.shelve(connection, alert.id, By("安全主任", AT, book), 30, "门锁在修", since=AT)

    def ended(minutes: int) -> int:
        steady = AT + timedelta(minutes=minutes)
        return actions.end_shelves(connection, steady + jump, book, steady)

    assert [ended(29), ended(30)] == [0, 1]


def test_a_shelf_is_timed_named_and_holds_for_the_next_one(connection: Connection, book: Book) -> None:
    [alert] = hear(connection, signal(), book)
    by = By("安全主任", AT, book)
    actions.shelve(connection, alert.id, by, 30, "门锁在修")
    actions.acknowledge(connection, alert.id, by)
    hear(connection, signal(active=False, minute=1), book)
    [again] = hear(connection, signal(minute=2), book)
    assert again.shelved_until == AT + timedelta(minutes=30)
    assert actions.end_shelves(connection, AT + timedelta(minutes=29), book) == 0
    assert actions.end_shelves(connection, AT + timedelta(minutes=30), book) == 1
    assert listed(connection, only_open=True)[0].shelved_until is None
    kept = connection.execute(select(alert_actions.c.action, alert_actions.c.by, alert_actions.c.text)).all()
    assert ("shelved", "安全主任", "门锁在修") in [tuple(row) for row in kept]


@pytest.mark.parametrize("kind", ["smoke", "heat", "fire", "flame", "co", "gas", "emergency"])
def test_fire_gas_and_one_key_alarms_are_never_shelved(connection: Connection, book: Book, kind: str) -> None:
    [alert] = hear(connection, signal(kind), book)
    with pytest.raises(RefusedError, match="never be shelved"):
        actions.shelve(connection, alert.id, By("安全主任", AT, book), 5, "太吵")


def test_what_cannot_be_done_is_said(connection: Connection, book: Book) -> None:
    by = By("门卫", AT, book)
    with pytest.raises(UnknownError):
        actions.acknowledge(connection, "nothing", by)
    [alert] = hear(connection, signal(), book)
    with pytest.raises(RefusedError, match="does not latch"):
        actions.reset(connection, alert.id, by)
    with pytest.raises(RefusedError, match="a shelf holds"):
        actions.shelve(connection, alert.id, by, 24 * 60 + 1, "too long")


def test_acknowledging_twice_is_recorded_once(connection: Connection, book: Book) -> None:
    [alert] = hear(connection, signal(), book)
    actions.acknowledge(connection, alert.id, By("甲", AT, book))
    again = actions.acknowledge(connection, alert.id, By("乙", AT, book))
    assert again.acked_by == "甲"
    assert connection.execute(select(func.count()).select_from(alert_actions)).scalar() == 1
    assert connection.execute(select(alerts.c.acked_by)).scalar() == "甲"


def test_a_person_makes_an_alarm_of_a_suspected_fire(connection: Connection, book: Book) -> None:
    by = By("guard", AT, book)
    [suspected] = hear(connection, signal("flame", severity="advisory"), book)
    actions.acknowledge(connection, suspected.id, by)
    alarm = actions.confirm(connection, suspected.id, by)
    assert (alarm.severity, alarm.reason, alarm.acked, alarm.active) == ("critical", "confirmed", False, True)
    assert book.heard[-1] == (suspected.id, Change.REPEATED)
    with pytest.raises(RefusedError, match="nothing to confirm"):
        actions.confirm(connection, suspected.id, by)


def test_only_a_suspected_fire_can_be_confirmed(connection: Connection, book: Book) -> None:
    [door] = hear(connection, signal("fire-door", severity="advisory"), book)
    with pytest.raises(RefusedError, match="no advisory of fire"):
        actions.confirm(connection, door.id, By("guard", AT, book))


@pytest.mark.parametrize("value", [None, 21.5, float("inf"), "open", True])
def test_the_feed_tells_an_alert_as_its_view_does(value: Value) -> None:
    there = timezone(timedelta(hours=8))
    alert = replace(
        raised(signal(), "a1"), began_at=AT.astimezone(there), value=value, cleared_at=AT + timedelta(microseconds=5),
        acked_by='"李"', shelved_until=AT.astimezone(there), hazard=7,
    )  # fmt: skip
    view = AlertView.model_validate(alert).model_dump_json(exclude={"n"})
    told = payload(alert, Change.ACKED)
    assert json.loads(told) == {**json.loads(view), "change": "acked"}


def test_an_event_reads_no_other_open_alert_of_its_school(connection: Connection, book: Book) -> None:
    asked: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, given: object, *_: object) -> None:
        if "FROM alerts" in statement:
            asked.append((statement, given))

    event.listen(connection, "before_cursor_execute", note)
    with batching(connection, [("no1", "lab", "door-1", "fire-door")]):
        hear(connection, signal(), book, Position("epoch-01", 1))
    event.remove(connection, "before_cursor_execute", note)
    statement, given = asked[0]
    plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given).all()  # pyright: ignore[reportArgumentType]
    assert "uq_alerts_one_open (site=? AND agent=? AND point=? AND kind=?)" in str(plan[0])


def test_an_alert_that_a_birth_names_keeps_its_name_in_the_next_batch(connection: Connection, book: Book) -> None:
    with batching(connection, [("no1", "lab", "door-1", "fire-door")]):
        (first,) = hear(connection, signal(), book, Position("epoch-01", 1))
    with batching(connection, [("no1", "lab", "door-1", "fire-door")]):
        save(connection, Step(replace(first, name="三楼防火门", place="三楼"), Change.NAMED), AT, book)
        hear(connection, signal(active=False), book, Position("epoch-01", 2))
    (alert,) = listed(connection)
    assert (alert.name, alert.place, alert.state) == ("三楼防火门", "三楼", "cleared-unacked")
