"""Presence: late wills, silence by the server's clock, holes, clocks that are wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from contracts.messages import Birth, Event, Heartbeat, Point, Stamp, State
from contracts.topics import Kind, Topic
from contracts.vocabulary import Clock, Severity
from server.alerts.alert import no_ledger
from server.alerts.store import listed
from server.database import connect, sqlite_address
from server.ingest.decode import Arrival
from server.ingest.intake import Intake
from server.ingest.tables import durables
from server.migrate import migrate
from server.presence import gaps
from server.presence.clocks import AgentClock
from server.presence.gaps import find_gaps
from server.presence.holes import Hole, holes_in, in_words
from server.presence.liveness import Link, link_of
from server.presence.presence import Presence
from server.presence.tables import points

AT = datetime(2026, 9, 1, 6, tzinfo=UTC)


class Campus:
    """One agent and the server's clock, as a test wants them."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.presence = Presence(no_ledger)
        self.intake = Intake(self.presence, no_ledger)
        self.s = 1000.0
        self.agent = "lab"

    @property
    def now(self) -> datetime:
        return AT + timedelta(seconds=self.s)

    def arrive(self, kind: Kind, text: str) -> list[object]:
        arrival = Arrival(str(Topic("no1", self.agent, kind)), text.encode(), self.now, self.s)
        return list(self.intake.take(self.connection, [arrival]))

    def stamp(self, boot: str = "boot-1") -> Stamp:
        return Stamp(at=self.now, boot_id=boot, mono_s=self.s, clock=Clock.SYNCED)

    def birth(
        self, boot: str = "boot-1", session: int = 1, epoch: str = "epoch-01", names: tuple[str, ...] = ()
    ) -> None:
        watched = tuple(Point(id=name, name=name, kind="smoke") for name in names)
        birth = Birth(name="实验楼", stamp=self.stamp(boot), session=session, epoch=epoch, points=watched)
        self.arrive(Kind.BIRTH, birth.model_dump_json())

    def beat(
        self, last: int = 0, boot: str = "boot-1", session: int = 1, epoch: str = "epoch-01", depth: int = 0
    ) -> None:
        beat = Heartbeat(n=1, stamp=self.stamp(boot), session=session, epoch=epoch, last_seq=last, depth=depth)
        self.arrive(Kind.HEARTBEAT, beat.model_dump_json())

    def state(self, status: str, boot: str = "boot-1", session: int = 1, booted_at: datetime | None = None) -> None:
        state = State.model_validate({"status": status, "boot_id": boot, "session": session, "booted_at": booted_at})
        self.arrive(Kind.STATE, state.model_dump_json())

    def event(self, seq: int, *, active: bool = True, epoch: str = "epoch-01") -> None:
        event = Event(
            id=f"event-{epoch}-{seq}", epoch=epoch, seq=seq, stamp=self.stamp(), point="door-1", kind="fire-door",
            active=active, severity=Severity.WARNING,
        )  # fmt: skip
        self.arrive(Kind.EVENTS, event.model_dump_json())

    def tick(self, seconds: int = 1) -> list[object]:
        asked: list[object] = []
        for _ in range(seconds):
            self.s += 1.0
            self.presence.tick(self.connection, self.now, self.s)
            asked += find_gaps(self.connection, self.presence, self.now, self.s)
        return asked

    @property
    def link(self) -> Link:
        [view] = self.presence.views
        return view.link

    def faults(self) -> list[tuple[str, str]]:
        return [(a.point, a.state) for a in listed(self.connection, only_open=True) if a.kind == "fault"]


@pytest.fixture
def campus(tmp_path: Path) -> Iterator[Campus]:
    database = connect(sqlite_address(tmp_path / "campus.db"))
    migrate(database)
    with database.write.begin() as connection:
        yield Campus(connection)
    database.close()


@pytest.mark.parametrize(
    ("age_s", "status", "link"),
    [
        (11.9, "online", Link.OK),
        (12.0, "online", Link.LATE),
        (15.0, "online", Link.WARNING),
        (18.0, "online", Link.LOST),
        (0.0, "offline", Link.LOST),
        (0.0, "stopping", Link.STOPPED),
    ],
)
def test_silence_has_steps(age_s: float, status: str, link: Link) -> None:
    assert link_of(age_s, status) is link


def test_a_silent_agent_is_late_then_lost_then_a_fault_then_back(campus: Campus) -> None:
    campus.birth()
    campus.beat()
    seen: list[Link] = []
    for _ in range(20):
        campus.tick()
        seen.append(campus.link)
    assert [seen[s - 1] for s in (11, 12, 15, 18)] == [Link.OK, Link.LATE, Link.WARNING, Link.LOST]
    campus.tick(39)
    assert campus.faults() == []
    campus.tick(2)
    assert campus.faults() == [("_presence", "active-unacked")]
    campus.beat()
    campus.tick()
    assert campus.link is Link.OK
    assert campus.faults() == [("_presence", "cleared-unacked")]


def test_a_fault_that_stood_before_a_restart_of_the_server_is_cleared_after_it(campus: Campus) -> None:
    campus.birth()
    campus.beat()
    campus.tick(62)
    campus.presence = Presence(no_ledger)
    campus.intake = Intake(campus.presence, no_ledger)
    campus.presence.load(campus.connection, campus.s)
    campus.beat()
    campus.tick()
    assert campus.faults() == [("_presence", "cleared-unacked")]


def test_time_in_which_the_server_stood_still_counts_for_nobody(campus: Campus) -> None:
    campus.birth()
    campus.beat()
    campus.tick(2)
    campus.s += 300.0
    campus.tick()
    assert campus.link is Link.OK
    assert campus.faults() == []


@pytest.mark.parametrize(
    ("before", "will", "link"),
    [
        pytest.param([("boot-1", 1)], ("boot-1", 1, None), Link.LOST, id="a will of this session is true"),
        pytest.param([("boot-1", 1), ("boot-1", 2)], ("boot-1", 1, None), Link.OK, id="a will of an older session"),
        pytest.param([("boot-1", 9), ("boot-2", 1)], ("boot-1", 9, None), Link.OK, id="a will of an older boot"),
        pytest.param([("boot-1", 1)], ("boot-0", 5, AT - timedelta(days=1)), Link.OK, id="a boot before we knew it"),
        pytest.param([("boot-1", 1)], ("boot-9", 1, AT + timedelta(days=1)), Link.LOST, id="a boot after this one"),
        pytest.param([("boot-1", 1)], ("boot-0", 5, None), Link.OK, id="a boot nobody knows anything of"),
    ],
)
def test_a_late_will_never_overwrites_a_newer_birth(
    campus: Campus, before: list[tuple[str, int]], will: tuple[str, int, datetime | None], link: Link
) -> None:
    for boot, session in before:
        campus.birth(boot, session)
        campus.beat(boot=boot, session=session)
        campus.s += 1
    boot, session, booted_at = will
    campus.state("offline", boot, session, booted_at)
    campus.tick()
    assert campus.link is link


def test_an_old_retained_birth_does_not_bring_an_old_list_of_points_back(campus: Campus) -> None:
    campus.birth("boot-1", 1, names=("a",))
    campus.birth("boot-2", 1, names=("a", "b"))
    campus.birth("boot-1", 1, names=("c",))
    rows = campus.connection.execute(select(points.c.id, points.c.gone)).all()
    assert sorted(tuple(row) for row in rows) == [("a", False), ("b", False)]


def test_a_point_that_is_no_longer_watched_is_gone_and_not_forgotten(campus: Campus) -> None:
    campus.birth("boot-1", 1, names=("a", "b"))
    campus.birth("boot-1", 2, names=("b",))
    rows = campus.connection.execute(select(points.c.id, points.c.gone)).all()
    assert sorted(tuple(row) for row in rows) == [("a", True), ("b", False)]


@pytest.mark.parametrize(
    ("seqs", "contiguous", "last", "expected"),
    [
        ([1, 2, 3], 0, 3, (3, [])),
        ([1, 2, 5], 0, 5, (2, [(3, 4)])),
        ([], 0, 3, (0, [(1, 3)])),
        ([5, 6], 3, 8, (3, [(4, 4), (7, 8)])),
        ([4], 3, 2, (4, [])),
    ],
    ids=["none missing", "two in the middle", "all", "one before and two at the end", "more than was announced"],
)
def test_holes(seqs: list[int], contiguous: int, last: int, expected: tuple[int, list[tuple[int, int]]]) -> None:
    assert holes_in(seqs, contiguous, last) == expected


def test_what_is_missing_is_asked_for_shown_with_its_times_and_becomes_a_fault(campus: Campus) -> None:
    campus.birth()
    campus.event(1)
    campus.event(5, active=False)
    campus.beat(last=5)
    assert campus.tick(9) == []
    asked = campus.tick(4)
    assert [(r.command.first, r.command.last) for r in asked] == [(2, 4)]  # pyright: ignore[reportAttributeAccessIssue]
    [view] = campus.presence.views
    campus.presence.publish_views(campus.s)
    [view] = campus.presence.views
    assert view.missing[0].count == 3
    assert view.missing[0].after is not None
    for _ in range(6):
        campus.beat(last=5)
        campus.tick(9)
    assert ("_sequence", "active-unacked") in campus.faults()
    for seq in (2, 3, 4):
        campus.event(seq)
    campus.beat(last=5)
    campus.tick(5)
    assert ("_sequence", "cleared-unacked") in campus.faults()


def test_what_an_agent_still_holds_is_on_its_way_and_what_it_does_not_is_missed_however_busy_it_is(
    campus: Campus,
) -> None:
    campus.birth()
    campus.event(1)
    asked: list[object] = []
    for seq in range(3, 40):  # 2 never comes, and an event does every other second
        campus.event(seq, active=seq % 2 == 0)
        campus.beat(last=seq, depth=1)
        asked += campus.tick(2)
    assert asked == [], "the agent says that it holds one more: that may be the missing one"
    for seq in range(40, 80):
        campus.event(seq, active=seq % 2 == 0)
        campus.beat(last=seq, depth=0)
        asked += campus.tick(2)
    assert {(r.command.first, r.command.last) for r in asked} == {(2, 2)}  # pyright: ignore[reportAttributeAccessIssue]
    assert ("_sequence", "active-unacked") in campus.faults()


def test_agents_that_are_all_behind_have_their_turns_and_no_round_takes_long(
    campus: Campus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gaps, "AT_MOST_S", 0.0)
    for name in ("lab-1", "lab-2", "lab-3"):
        campus.agent = name
        campus.birth()
        campus.event(2)
        campus.beat(last=2)
    campus.tick()
    assert sum(watch.looked_s == campus.s for watch in campus.presence.watches.values()) == 1
    asked = campus.tick(20)
    assert {r.topic.agent for r in asked} == {"lab-1", "lab-2", "lab-3"}  # pyright: ignore[reportAttributeAccessIssue]


def test_more_holes_than_are_told_are_said_once(campus: Campus, caplog: pytest.LogCaptureFixture) -> None:
    campus.birth()
    last = 2 * gaps.TOLD + 21
    for seq in range(1, last + 1, 2):
        campus.event(seq)
    for _ in range(4):
        campus.beat(last=last)
        campus.tick(9)
    assert sum("missing" in record.message for record in caplog.records) == 1


def test_a_hole_is_told_by_how_many_and_between_which_moments() -> None:
    at = [datetime(2026, 9, 1, 10, minute, tzinfo=UTC) for minute in (2, 3, 4)]
    assert in_words([Hole(4, 6, at[0], at[2])]) == "3 events missing 10:02-10:04"
    assert in_words([Hole(4, 4, at[0], at[1]), Hole(7, 8, at[1], None)]) == "3 events missing 10:02-"
    assert in_words([Hole(1, 1)]) == "1 event missing"


def test_a_quarantined_number_is_no_hole(campus: Campus) -> None:
    campus.birth()
    campus.arrive(Kind.EVENTS, '{"epoch": "epoch-01", "seq": 1, "id": "x"}')
    campus.event(2)
    campus.beat(last=2)
    assert campus.tick(30) == []


def test_a_replaced_outbox_file_is_an_alert(campus: Campus) -> None:
    campus.birth(epoch="epoch-01")
    campus.beat(epoch="epoch-01")
    campus.beat(epoch="epoch-02")
    campus.beat(epoch="epoch-02")
    assert campus.faults() == [("_storage", "cleared-unacked")]


def test_a_clock_of_1970_does_not_make_a_fresh_alarm_late(campus: Campus) -> None:
    clock = AgentClock()
    born = Stamp(at=datetime(1970, 1, 1, tzinfo=UTC), boot_id="b", mono_s=50.0, clock=Clock.UNSYNCED)
    assert clock.when(born, AT, 1000.0).age_s == 0.0  # unknown boot, unsynced: rather a needless siren
    clock.heard(born, AT, 1000.0)
    later = born.model_copy(update={"mono_s": 60.0})
    happened = clock.when(later, AT + timedelta(seconds=310), 1310.0)
    assert happened.age_s == pytest.approx(300.0)
    assert happened.at == AT + timedelta(seconds=10)


def test_a_redelivered_event_is_absorbed_and_answered_again(campus: Campus) -> None:
    event = Event(
        id="event-00001", epoch="epoch-01", seq=1, stamp=campus.stamp(), point="door-1", kind="fire-door",
        active=True, severity=Severity.WARNING,
    )  # fmt: skip
    answers = [campus.arrive(Kind.EVENTS, event.model_dump_json()) for _ in range(3)]
    assert [a[0].receipt.seqs for a in answers] == [(1,)] * 3  # pyright: ignore[reportAttributeAccessIssue]
    assert len(campus.connection.execute(select(durables)).all()) == 1
    assert listed(campus.connection)[0].count == 1


def test_the_same_cause_under_another_number_is_kept_and_changes_nothing(campus: Campus) -> None:
    campus.event(1)
    [row] = campus.connection.execute(select(durables)).mappings().all()
    body = {**row["body"], "seq": 2}
    campus.arrive(Kind.EVENTS, Event.model_validate(body).model_dump_json())
    assert len(campus.connection.execute(select(durables)).all()) == 2
    assert listed(campus.connection)[0].count == 1


def test_an_alert_from_before_the_first_birth_gets_its_name_by_it(campus: Campus) -> None:
    campus.event(1)
    assert [one.name for one in listed(campus.connection)] == ["door-1"]
    point = Point(id="door-1", name="防火门", place="二层东", kind="fire-door")
    birth = Birth(name="实验楼", stamp=campus.stamp(), session=1, epoch="epoch-01", points=(point,))
    campus.arrive(Kind.BIRTH, birth.model_dump_json())
    (alert,) = listed(campus.connection)
    assert (alert.name, alert.place, alert.acked) == ("防火门", "二层东", False)
    campus.birth(session=2, names=("door-1",))
    assert listed(campus.connection) == [alert], "once named, later births leave it alone"
