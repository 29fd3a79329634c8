"""Alerts into the ledger: opened, joined, waited for, found again; and the journal proves it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from ledger_clock import NOW, Clock
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError

from server.alerts.alert import Alert, Change
from server.database import Database
from server.ledger import store
from server.ledger.entry import State
from server.ledger.sensors import Ledger
from server.ledger.tables import hazards, joined, journal, waiting
from server.ledger.verify import Tip, verify
from server.presence.tables import points


def alert(id_: str = "a1", **fields: object) -> Alert:
    smoke = Alert(
        id=id_, site="yx-1", agent="gate", point="smoke-1", name="三层东烟感", kind="smoke", severity="critical",
        began_at=NOW, received_at=NOW, place="教学楼A 三层东", grid="网格1",
    )  # fmt: skip
    return replace(smoke, **fields)  # pyright: ignore[reportArgumentType]


def test_an_alert_opens_an_entry_under_the_next_number_of_its_school_and_year(
    database: Database, ledger: Ledger
) -> None:
    with database.write.begin() as connection:
        first = ledger.record_alert(connection, alert(), Change.RAISED)
        other = ledger.record_alert(connection, alert("a2", point="smoke-2"), Change.RAISED)
        assert first is not None
        assert other is not None
        assert store.get(connection, first).number == "YX-1-2026-0001"
        assert store.get(connection, other).number == "YX-1-2026-0002"
        entry = store.get(connection, first)
    assert (entry.state, entry.category, entry.place) == (State.FOUND, "fire", "教学楼A 三层东")
    assert entry.description == "三层东烟感：烟雾报警（紧急）"


def test_a_transaction_that_fails_gives_its_number_back(database: Database, ledger: Ledger) -> None:
    with database.write.connect() as connection, connection.begin() as transaction:
        ledger.record_alert(connection, alert(), Change.RAISED)
        transaction.rollback()
    with database.write.begin() as connection:
        hazard = ledger.record_alert(connection, alert("a2", point="smoke-2"), Change.RAISED)
        assert hazard is not None
        assert store.get(connection, hazard).number == "YX-1-2026-0001"


def test_a_second_alert_of_the_same_cause_joins_the_open_entry(database: Database, ledger: Ledger) -> None:
    with database.write.begin() as connection:
        first = ledger.record_alert(connection, alert(), Change.RAISED)
        later = alert("a2", received_at=NOW + timedelta(minutes=9))
        assert ledger.record_alert(connection, later, Change.RAISED) == first
        entry = store.get(connection, first or 0)
        assert (entry.count, entry.last_at, entry.version) == (2, NOW + timedelta(minutes=9), 1)
        assert connection.execute(select(joined.c.alert).order_by(joined.c.alert)).scalars().all() == ["a1", "a2"]


def test_what_is_done_to_the_alert_stands_in_the_journal(database: Database, ledger: Ledger) -> None:
    with database.write.begin() as connection:
        raised = alert()
        ledger.record_alert(connection, raised, Change.RAISED)
        ledger.record_alert(connection, replace(raised, acked=True, acked_by="门卫", acked_at=NOW), Change.ACKED)
        ledger.record_alert(connection, replace(raised, active=False, cleared_at=NOW), Change.CLEARED)
        rows = connection.execute(select(journal.c.action, journal.c.by).order_by(journal.c.n)).all()
    assert [tuple(r) for r in rows] == [("open", "传感器"), ("alert-acked", "门卫"), ("alert-cleared", "传感器")]


def test_a_silent_detector_waits_for_its_limit_and_a_fault_that_ends_leaves_nothing(
    database: Database, ledger: Ledger
) -> None:
    fault = alert(kind="fault", severity="fault")
    with database.write.begin() as connection:
        assert ledger.record_alert(connection, fault, Change.RAISED) is None
        assert connection.execute(select(waiting.c.due_at)).scalars().all() == [NOW + timedelta(hours=24)]
        ledger.record_alert(connection, replace(fault, active=False), Change.CLEARED)
        assert connection.execute(select(waiting)).all() == []
        assert connection.execute(select(hazards)).all() == []


def test_a_silent_fire_detector_waits_half_an_hour(database: Database, ledger: Ledger) -> None:
    point = {
        "site": "yx-1", "agent": "gate", "id": "smoke-1", "name": "烟感", "kind": "smoke", "unit": "", "place": "",
        "grid": "", "zone": "", "auxiliary": False, "gone": False,
    }  # fmt: skip
    with database.write.begin() as connection:
        connection.execute(insert(points).values(point))
        assert ledger.record_alert(connection, alert(kind="fault", severity="fault"), Change.RAISED) is None
        assert connection.execute(select(waiting.c.due_at)).scalars().all() == [NOW + timedelta(minutes=30)]


@pytest.mark.parametrize(
    ("days", "state", "recurrence"),
    [
        pytest.param(29, State.FOUND, 1, id="within thirty days the closed entry opens again and counts it"),
        pytest.param(31, State.CLOSED, 0, id="after thirty days it stays closed and a new entry opens"),
    ],
)
def test_recurrence(database: Database, ledger: Ledger, clock: Clock, days: int, state: State, recurrence: int) -> None:
    with database.write.begin() as connection:
        first = ledger.record_alert(connection, alert(), Change.RAISED) or 0
        entry = store.get(connection, first)
        closed = replace(entry, state=State.CLOSED, closed_at=NOW, closed_by="校长")
        store.change(connection, entry, closed, "校长", NOW, "close")
        clock.now = NOW + timedelta(days=days)
        again = ledger.record_alert(connection, alert("a2", received_at=clock.now), Change.RAISED)
        entry = store.get(connection, first)
        assert (entry.state, entry.recurrence) == (state, recurrence)
        if state is State.CLOSED:
            assert store.get(connection, again or 0).recurs_of == first
        assert verify(connection).broken is None


def test_a_second_writer_is_told_and_nothing_is_overwritten(database: Database, ledger: Ledger) -> None:
    with database.write.begin() as connection:
        hazard = ledger.record_alert(connection, alert(), Change.RAISED) or 0
        seen = store.get(connection, hazard)
        store.change(connection, seen, replace(seen, place="三层西"), "甲", NOW, "edit")
        with pytest.raises(store.StaleEditError, match="别人刚刚修改过"):
            store.change(connection, seen, replace(seen, place="三层北"), "乙", NOW, "edit")
        assert store.get(connection, hazard).place == "三层西"


@pytest.mark.parametrize("deed", ["update hazard_journal set by = 'x'", "delete from hazard_journal"])
def test_the_journal_refuses_to_be_rewritten(database: Database, ledger: Ledger, deed: str) -> None:
    with database.write.begin() as connection:
        ledger.record_alert(connection, alert(), Change.RAISED)
    with database.write.connect() as connection, pytest.raises(DBAPIError, match="append-only"):
        connection.execute(text(deed))


def _written(database: Database, ledger: Ledger) -> dict[int, str]:
    with database.write.begin() as connection:
        for n in range(1, 6):
            ledger.record_alert(connection, alert(f"a{n}", point=f"smoke-{n}"), Change.RAISED)
        hashes = connection.execute(select(journal.c.n, journal.c.hash)).all()
        assert verify(connection).rows == 5
        if connection.dialect.name == "sqlite":
            connection.execute(text("drop trigger hazard_journal_no_update"))
            connection.execute(text("drop trigger hazard_journal_no_delete"))
        else:
            connection.execute(text("drop trigger hazard_journal_append_only on hazard_journal"))
    return {row.n: row.hash for row in hashes}


@pytest.mark.parametrize(
    ("deeds", "said"),
    [
        pytest.param(["update hazard_journal set by='x' where n=3"], "yx-1: journal row 3: was altered", id="update"),
        pytest.param(["delete from hazard_journal where n=2"], "yx-1: journal row 2: is missing", id="delete"),
        pytest.param(["delete from hazard_journal where n=1"], "yx-1: journal row 1: is missing", id="first deleted"),
        pytest.param(
            [
                "update hazard_journal set n=-2 where n=2",
                "update hazard_journal set n=2 where n=3",
                "update hazard_journal set n=3 where n=-2",
            ],
            "yx-1: journal row 2: was altered",
            id="reorder",
        ),
        pytest.param(["delete from hazard_journal where n=5"], "journal row 5: is missing", id="tail"),
        pytest.param(
            [
                "delete from hazard_journal where n=5",
                "delete from hazard_alerts where hazard=5",
                "delete from hazards where id=5",
                "update hazard_chains set n=4, hash=(select hash from hazard_journal where n=4)",
            ],
            "journal row 5: is missing: row 5 was anchored",
            id="tail with the chain's tip, seen by the anchor",
        ),
        pytest.param(["update hazards set grade='general' where id=4"], "says grade of YX-1-2026-0004", id="an entry"),
    ],
)
def test_verify_names_the_first_broken_row(database: Database, ledger: Ledger, deeds: list[str], said: str) -> None:
    hashes = _written(database, ledger)
    with database.write.begin() as connection:
        for deed in deeds:
            connection.execute(text(deed))
        broken = verify(connection, [Tip("yx-1", 5, hashes[5])]).broken
    assert said in str(broken)


def test_a_merged_entry_passes_its_alerts_on(database: Database, ledger: Ledger) -> None:
    with database.write.begin() as connection:
        first = ledger.record_alert(connection, alert(), Change.RAISED) or 0
        second = ledger.record_alert(connection, alert("a2", point="smoke-2"), Change.RAISED) or 0
        connection.execute(
            update(hazards).where(hazards.c.id == second).values(state="merged", open=False, merged_into=first)
        )
        assert ledger.record_alert(connection, alert("a3", point="smoke-2"), Change.RAISED) == first
