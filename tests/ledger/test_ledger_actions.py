"""What persons do, what time does, and the signed heads."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ledger_clock import NOW, Clock
from sqlalchemy import delete, insert, select, update

from server.accounts import users
from server.accounts.permissions import Role
from server.accounts.reach import Reach
from server.alerts.alert import Alert, Change
from server.alerts.tables import alerts
from server.database import Database
from server.errors import ServerError, UnknownError
from server.ledger import seal, store
from server.ledger.actions import Finding, act, report
from server.ledger.entry import State
from server.ledger.guards import Actor, MissingError, PersonError
from server.ledger.sensors import Ledger
from server.ledger.tables import hazards, journal, notices
from server.ledger.upkeep import Upkeep, tick
from server.ledger.verify import verify

SAFETY = Actor("李安全", Role.SAFETY, Reach.of("yx-1"))
COUNTY = Actor("县局", Role.COUNTY)
FINDING = Finding("yx-1", "daily-check", "灭火器压力不足 🧯𠮷", place="三层", category="fire")


def test_a_person_takes_an_entry_through_and_the_journal_tells_who_did_what(database: Database, ledger: Ledger) -> None:
    with database.write.begin() as connection:
        e = report(connection, ledger, FINDING, SAFETY)
        assert (e.number, e.state) == ("YX-1-2026-0001", State.FOUND)
        e = act(connection, ledger, (e.id, e.version), "register", {}, SAFETY)
        e = act(connection, ledger, (e.id, e.version), "judge", {"grade": "general", "layer": "school-now"}, SAFETY)
        assert store.get(connection, e.id) == e
        rows = connection.execute(select(journal.c.action, journal.c.by, journal.c.target).order_by(journal.c.n)).all()
        assert [tuple(r) for r in rows] == [
            ("open", "李安全", "found"),
            ("register", "李安全", "registered"),
            ("judge", "李安全", "judged"),
        ]
        assert verify(connection).broken is None


def test_a_school_neither_sees_nor_writes_another_schools_entries(database: Database, ledger: Ledger) -> None:
    stranger = Actor("外校", Role.SAFETY, Reach.of("yx-2"))
    with database.write.begin() as connection:
        e = report(connection, ledger, FINDING, SAFETY)
        with pytest.raises(UnknownError):
            act(connection, ledger, (e.id, 1), "register", {}, stranger)
        with pytest.raises(PersonError, match="不是您所在的学校"):
            report(connection, ledger, FINDING, stranger)


@pytest.mark.parametrize(
    ("finding", "said"),
    [
        pytest.param(replace(FINDING, description="  "), "还缺 描述", id="no description"),
        pytest.param(replace(FINDING, description="a\0b"), "不能保存的字符", id="NUL"),
        pytest.param(replace(FINDING, place="\ud83e"), "不能保存的字符", id="half a character"),
        pytest.param(replace(FINDING, place="长" * 201), "太长", id="too long"),
        pytest.param(replace(FINDING, source="gossip"), "没有“gossip”", id="an unknown source"),
        pytest.param(replace(FINDING, found_at=datetime(1970, 1, 1, tzinfo=UTC)), "发现时间 1970", id="1970"),
        pytest.param(replace(FINDING, found_at=datetime(2100, 1, 1, tzinfo=UTC)), "发现时间 2100", id="2100"),
    ],
)
def test_bad_input_is_one_sentence(database: Database, ledger: Ledger, finding: Finding, said: str) -> None:
    with database.write.begin() as connection, pytest.raises(MissingError, match=said):
        report(connection, ledger, finding, SAFETY)


def test_a_deadline_in_2100_and_a_stale_edit_are_refused(database: Database, ledger: Ledger) -> None:
    with database.write.begin() as connection:
        e = report(connection, ledger, FINDING, SAFETY)
        e = act(connection, ledger, (e.id, 1), "register", {}, SAFETY)
        far = {"grade": "general", "layer": "county", "deadline": datetime(2100, 1, 1, tzinfo=UTC)}
        with pytest.raises(MissingError, match="太远"):
            act(connection, ledger, (e.id, 2), "judge", far, SAFETY)
        with pytest.raises(store.StaleEditError):
            act(connection, ledger, (e.id, 1), "judge", {}, SAFETY)


def test_merging_carries_the_count_over_and_wants_an_open_entry_of_the_school(
    database: Database, ledger: Ledger
) -> None:
    with database.write.begin() as connection:
        one, two = (report(connection, ledger, FINDING, SAFETY) for _ in range(2))
        merged = {"merged_into": two.id, "reason": "同一处"}
        with pytest.raises(MissingError, match="只能并入"):
            act(connection, ledger, (one.id, 1), "merge", {**merged, "merged_into": one.id}, SAFETY)
        act(connection, ledger, (one.id, 1), "merge", merged, SAFETY)
        assert store.get(connection, one.id).state is State.MERGED
        assert store.get(connection, two.id).count == 2


def test_reports_of_one_cause_join(database: Database, ledger: Ledger) -> None:
    with database.write.begin() as connection:
        one = report(connection, ledger, replace(FINDING, cause="duty/M01"), SAFETY)
        two = report(connection, ledger, replace(FINDING, cause="duty/M01"), SAFETY)
        assert (two.id, two.count) == (one.id, 2)


def test_an_overdue_entry_climbs_along_the_roster_of_the_day_it_fell_overdue(
    database: Database, ledger: Ledger, clock: Clock
) -> None:
    with database.write.begin() as connection:
        users.put(connection, "李安全", Role.SAFETY, "x", NOW, Reach.of("yx-1"))
        e = report(connection, ledger, FINDING, SAFETY)
        clock.now = NOW + timedelta(hours=25)
        tick(connection, Upkeep(ledger))
        users.put(connection, "后来者", Role.PRINCIPAL, "x", NOW, Reach.of("yx-1", "yx-2"))
        for hours in (25, 49, 49):
            clock.now = NOW + timedelta(hours=hours)
            tick(connection, Upkeep(ledger))
        told = connection.execute(select(notices.c.role, notices.c.users, notices.c.text).order_by(notices.c.at)).all()
        assert [(r.role, json.loads(r.users)) for r in told] == [("safety", ["李安全"]), ("principal", [])]
        assert "登记已逾期" in told[0].text
        assert store.get(connection, e.id).version == 1
        assert verify(connection).broken is None


def test_a_fault_that_lasts_becomes_an_entry_by_itself(database: Database, ledger: Ledger, clock: Clock) -> None:
    fault = Alert(
        id="a1", site="yx-1", agent="gate", point="temp-1", name="配电室温度", kind="fault", severity="fault",
        began_at=NOW, received_at=NOW,
    )  # fmt: skip
    values = {c.name: getattr(fault, c.name) for c in alerts.c}
    with database.write.begin() as connection:
        ledger.record_alert(connection, fault, Change.RAISED)
        connection.execute(insert(alerts).values(values))
        clock.now = NOW + timedelta(hours=23)
        tick(connection, Upkeep(ledger))
        assert connection.execute(select(hazards.c.id)).all() == []
        clock.now = NOW + timedelta(hours=24)
        tick(connection, Upkeep(ledger))
        tick(connection, Upkeep(ledger))
        e = store.get(connection, connection.execute(select(hazards.c.id)).scalar_one())
        assert (e.category, e.description) == ("system", "配电室温度：探测器故障（故障）")
        assert connection.execute(select(alerts.c.hazard)).scalar_one() == e.id


def test_the_daily_head_is_signed_and_a_forged_one_is_seen(database: Database, ledger: Ledger, tmp_path: Path) -> None:
    key = seal.load_key(tmp_path)
    assert (tmp_path / seal.KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert seal.load_key(tmp_path).private_bytes_raw() == key.private_bytes_raw()
    public = key.public_key().public_bytes_raw().hex()
    with database.write.begin() as connection:
        report(connection, ledger, FINDING, SAFETY)
        tick(connection, Upkeep(ledger, key, tmp_path))
        tick(connection, Upkeep(ledger, key, tmp_path))
        (head,) = seal.stored_heads(connection)
        assert (head.day, head.n, seal.genuine(head, public)) == ("2026-05-07", 1, True)
        assert seal.forged([head, replace(head, n=2)], public) == replace(head, n=2)
        assert not seal.genuine(head, "00" * 32)


def test_an_old_copy_put_back_is_seen_by_the_anchor_beside_the_database(
    database: Database, ledger: Ledger, tmp_path: Path
) -> None:
    key = seal.load_key(tmp_path)
    with database.write.connect() as connection:
        with connection.begin():
            report(connection, ledger, FINDING, SAFETY)
        later = connection.begin()
        report(connection, ledger, FINDING, SAFETY)
        seal.note(connection, key, tmp_path, NOW)
        later.rollback()  # the database is back where it was; the file is not
    anchors = [head.tip for head in seal.read_anchors(tmp_path / seal.ANCHOR_FILE)]
    with database.read.connect() as connection:
        assert "journal row 2: is missing" in str(verify(connection, anchors).broken)


def test_a_key_or_an_anchor_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / seal.KEY_FILE).write_bytes(b"short")
    (tmp_path / "a.json").write_text('[{"n": 1}]')
    with pytest.raises(ServerError, match=r"ledger\.key: is not a signing key"):
        seal.load_key(tmp_path)
    with pytest.raises(ServerError, match="not a file of ledger anchors"):
        seal.read_anchors(tmp_path / "a.json")


def test_an_entry_put_in_or_taken_out_past_the_program_is_seen(database: Database, ledger: Ledger) -> None:
    with database.write.begin() as connection:
        e = report(connection, ledger, FINDING, SAFETY)
        connection.execute(update(hazards).where(hazards.c.id == e.id).values(deadline=NOW))
        assert "says deadline of YX-1-2026-0001" in str(verify(connection).broken)
        connection.execute(delete(hazards))
        assert "which is gone" in str(verify(connection).broken)


def test_january_carries_open_entries_over_and_archives_the_closed(
    database: Database, ledger: Ledger, clock: Clock
) -> None:
    with database.write.begin() as connection:
        one, two, late = (report(connection, ledger, FINDING, SAFETY) for _ in range(3))
        for entry, at in ((two, NOW), (late, datetime(2026, 12, 20, tzinfo=UTC))):
            closed = replace(entry, state=State.CLOSED, closed_at=at, closed_by="校长")
            store.change(connection, entry, closed, "校长", at, "close")
        clock.now = datetime(2026, 12, 31, 17, tzinfo=UTC)  # one in the morning of 1 January in Yuxi
        for _ in range(2):
            tick(connection, Upkeep(ledger))
        found = {e.id: (e.register, e.state) for e in (store.get(connection, n.id) for n in (one, two, late))}
        assert found == {
            one.id: (2027, State.FOUND),
            two.id: (2026, State.ARCHIVED),
            late.id: (2026, State.CLOSED),  # it may still be found again
        }
        assert report(connection, ledger, FINDING, SAFETY).number == "YX-1-2027-0001"
        assert verify(connection).broken is None
