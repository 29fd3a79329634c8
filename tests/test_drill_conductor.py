"""Drills end to end in the database: acts, crossings by edge stamps, triggers, restarts, revisions."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, insert, select

from config.school import SchoolConfig
from contracts.messages import Heartbeat, Stamp
from contracts.topics import Kind, Topic
from contracts.vocabulary import Clock
from server.changes import changes
from server.database import Database, connect, sqlite_address
from server.drills import store
from server.drills.beats import Beats
from server.drills.clocks import Moment, Trust
from server.drills.conductor import Conductor, Flaw
from server.drills.inputs import Arrived, DrillKind, Ended, Reported, Signal, Start
from server.drills.planning import plan
from server.drills.results import Phase, Result, Verdict
from server.drills.wiring import Books
from server.duties.plan import load_plan
from server.duties.tables import records
from server.errors import RefusedError, UnknownError
from server.ingest.tables import durables
from server.ledger.judgement import load_judgement
from server.ledger.sensors import Ledger
from server.migrate import migrate

T = TypeVar("T")
NOW = 1_800_000_000.0
BOOT = NOW - 5000.0  # the agents' monotonic clocks started here

SCHOOL = SchoolConfig.model_validate(
    {
        "site": "s1",
        "name": "示例学校",
        "stage": [{"id": "p", "name": "小学部", "kind": "primary"}],
        "building": [
            {
                "id": "a",
                "name": "教学楼A",
                "exit": [
                    {"id": "e", "name": "东门", "width_m": 1.8, "line": [{"line": "pi-1/east", "out": "right"}]},
                    {"id": "w", "name": "西门", "width_m": 1.8, "line": [{"line": "pi-2/west", "out": "any"}]},
                ],
            }
        ],
        "class": [
            {"id": "c1", "name": "一班", "stage": "p", "building": "a", "size": 3},
            {"id": "c2", "name": "二班", "stage": "p", "building": "a", "size": 3},
        ],
        "trigger": [{"points": ["panel/siren"], "kinds": ["fire"], "signal": "evacuate"}],
    }
)


def moment(seconds: float) -> Moment:
    return Moment(NOW + seconds, 0.0, Trust.MEASURED)


def utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(NOW + seconds, tz=UTC)


@dataclass
class Campus:
    """A server without its network: what agents would have sent is written as the ingest writes it."""

    database: Database
    hazards: list[Flaw] = field(default_factory=list[Flaw])
    duties: list[str] = field(default_factory=list[str])
    seq: int = 0

    def write(self, work: Callable[[Connection], T], timeout_s: float = 10.0) -> T:
        with self.database.write.begin() as connection:
            return work(connection)

    def conductor(self) -> Conductor:
        def open_hazard(connection: Connection, found: Flaw) -> int:
            self.hazards.append(found)
            return len(self.hazards)

        def fulfil(connection: Connection, drill: store.Drill, now: datetime) -> None:
            self.duties.append(drill.id)

        return Conductor(self.database, self.write, {"s1": SCHOOL}, open_hazard, fulfil)

    def plan(self, **wish: Any) -> str:
        wanted = store.Wish("s1", wish.pop("kind", DrillKind.FIRE), "九月演练", **wish)
        return self.write(lambda c: store.create(c, wanted, plan(SCHOOL, wanted.kind), "校长", utc(-60)))

    def say(self, drill: str, act: Any) -> bool:
        return self.write(lambda c: store.say(c, store.get(c, drill), act, "校长", utc(0)))

    def durable(self, agent: str, place: str, seconds: float, body: dict[str, Any], came: float, kind: Kind) -> None:
        self.seq += 1
        row = {
            "site": "s1",
            "agent": agent,
            "epoch": "epoch-" + agent,
            "seq": self.seq,
            "id": f"id-{self.seq:08}",
            "kind": kind.value,
            "place": place,
            "at": datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds + 5000),
            "boot_id": "boot-" + agent,
            "mono_s": NOW + seconds - BOOT,
            "clock": Clock.UNSYNCED.value,
            "received_at": utc(came),
            "body": body,
        }
        self.write(lambda c: c.execute(insert(durables).values(row)))

    def cross(
        self, line: str, seconds: float, direction: str = "right", *, came: float | None = None, **body: Any
    ) -> None:
        agent, _, place = line.partition("/")
        came = seconds + 0.1 if came is None else came
        self.durable(agent, place, seconds, {"direction": direction, "count": 1, **body}, came, Kind.CROSSINGS)

    def beat(self, start: float, stop: float, depth: int = 0) -> None:
        """Heartbeats every 5 s from both agents, each answered within 20 ms."""
        beats = Beats({("s1", "pi-1"), ("s1", "pi-2")})
        for agent in ("pi-1", "pi-2"):
            topic = Topic("s1", agent, Kind.HEARTBEAT)
            for n in range(int((stop - start) / 5) + 1):
                at = start + 5 * n
                stamp = Stamp(at=utc(at), boot_id="boot-" + agent, mono_s=NOW + at - BOOT)
                message = Heartbeat(
                    n=n,
                    stamp=stamp,
                    epoch="epoch-" + agent,
                    depth=depth,
                    oldest_unacked_s=30.0 if depth else 0.0,
                    answer_age_s=4.98 if n else None,
                    answered=n - 1 if n else None,
                )
                self.write(lambda c, m=message, t=topic, a=at: beats.hear(c, t, m, utc(a + 0.01)))

    def result(self, drill: str) -> Result:
        with self.database.read.connect() as connection:
            return store.revisions(connection, drill)[-1][1]

    def drill(self, drill: str) -> store.Drill:
        with self.database.read.connect() as connection:
            return store.get(connection, drill)

    def report(self, drill: str, class_id: str, seconds: float, present: int = 3) -> None:
        self.say(drill, Arrived(f"a-{class_id}", class_id, moment(seconds)))
        self.say(drill, Reported(f"r-{class_id}-{seconds}", class_id, moment(seconds + 5), 3, present, 0))


@pytest.fixture
def campus(tmp_path: Path) -> Iterator[Campus]:
    database = connect(sqlite_address(tmp_path / "campus.db"))
    migrate(database)
    yield Campus(database)
    database.close()


START = Start("button", Signal.EVACUATE, moment(0), "按钮")


def run_out(campus: Campus, drill: str, *, came: float | None = None) -> None:
    """Six people leave, the last one 25 s after the signal."""
    for i, seconds in enumerate((10, 12, 14, 16, 18, 25)):
        campus.cross(("pi-1/east", "pi-2/west")[i % 2], seconds, came=came)
    campus.report(drill, "c1", 40)
    campus.report(drill, "c2", 45)


def test_a_drill_is_timed_by_the_edge_and_ends_by_itself(campus: Campus) -> None:
    drill = campus.plan()
    campus.beat(-60, 90)
    campus.say(drill, START)
    run_out(campus, drill)
    campus.conductor().step(NOW + 95)
    found = campus.result(drill)
    assert campus.drill(drill).phase is Phase.FINISHED
    assert found.clear is not None
    assert found.assembled is not None
    assert abs(found.clear.seconds - 25) <= found.clear.plus_minus_s < 0.05
    assert (found.assembled.seconds, found.count.net, found.stages[0].verdict) == (45.0, 6, Verdict.MET)
    assert campus.duties == [drill]
    assert campus.hazards == []


def test_crossings_that_come_minutes_late_lose_no_second(campus: Campus) -> None:
    drill = campus.plan()
    campus.beat(-60, 0)
    campus.say(drill, START)
    run_out(campus, drill, came=300)
    campus.beat(300, 320)
    campus.conductor().step(NOW + 325)
    found = campus.result(drill)
    assert found.clear is not None
    assert abs(found.clear.seconds - 25) <= found.clear.plus_minus_s < 0.1


def test_it_does_not_end_while_an_outbox_may_hold_the_last_person(campus: Campus) -> None:
    drill = campus.plan()
    campus.beat(-60, 60)
    campus.say(drill, START)
    run_out(campus, drill)
    campus.beat(65, 70, depth=3)
    conductor = campus.conductor()
    conductor.step(NOW + 72)
    assert campus.drill(drill).phase is Phase.EVACUATING
    campus.beat(75, 80)
    conductor.step(NOW + 82)
    assert campus.drill(drill).phase is Phase.FINISHED


def test_a_restart_in_the_middle_changes_nothing(campus: Campus) -> None:
    drill = campus.plan()
    campus.beat(-60, 90)
    campus.say(drill, START)
    campus.cross("pi-1/east", 10)
    campus.conductor().step(NOW + 11)
    run_out(campus, drill)
    campus.conductor().step(NOW + 95)  # a new process: nothing is remembered
    assert campus.result(drill).count.net == 7


def test_late_data_add_a_revision_and_overwrite_nothing(campus: Campus) -> None:
    drill = campus.plan()
    campus.beat(-60, 90)
    campus.say(drill, START)
    run_out(campus, drill)
    conductor = campus.conductor()
    conductor.step(NOW + 95)
    campus.cross("pi-2/west", 26, came=100)
    conductor.step(NOW + 130)
    with campus.database.read.connect() as connection:
        kept = [r.count.net for _, r in store.revisions(connection, drill)]
    assert kept == [6, 7]
    assert campus.duties == [drill]


def test_a_missed_target_opens_one_hazard_by_itself(campus: Campus) -> None:
    drill = campus.plan()
    campus.beat(-60, 300)
    campus.say(drill, START)
    campus.cross("pi-1/east", 200)
    campus.report(drill, "c1", 210)
    campus.report(drill, "c2", 220)
    conductor = campus.conductor()
    conductor.step(NOW + 290)
    conductor.step(NOW + 330)
    assert [h.cause for h in campus.hazards] == [f"drill/{drill}/target-p"]
    assert "小学部用时 3′40.0″" in campus.hazards[0].description


def test_who_goes_back_in_is_subtracted_only_where_the_direction_is_known(campus: Campus) -> None:
    drill = campus.plan()
    campus.beat(-60, 90)
    campus.say(drill, START)
    campus.cross("pi-1/east", 10, "left")
    campus.cross("pi-2/west", 11, "left")
    run_out(campus, drill)
    campus.conductor().step(NOW + 95)
    assert (campus.result(drill).count.out, campus.result(drill).count.back) == (7, 1)


def test_doubtful_counts_are_bounded(campus: Campus) -> None:
    drill = campus.plan()
    campus.beat(-60, 90)
    campus.say(drill, START)
    campus.cross("pi-1/east", 9, quality=0.8)
    campus.cross("pi-1/east", 9.5, low=0.0, high=2.0)
    run_out(campus, drill)
    campus.conductor().step(NOW + 95)
    count = campus.result(drill).count
    assert (count.net, count.low, count.high) == (8, pytest.approx(6.8), pytest.approx(9.25))


def test_a_panel_starts_an_armed_drill_at_the_edge_s_time(campus: Campus) -> None:
    drill = campus.plan(armed_until=utc(600))
    campus.durable("panel", "siren", 3, {"kind": "fire", "active": True}, came=4.5, kind=Kind.EVENTS)
    campus.conductor().step(NOW + 5)
    assert campus.drill(drill).phase is Phase.EVACUATING
    assert campus.drill(drill).t0_s == pytest.approx(NOW + 4.5)  # no heartbeat, no good clock: the receipt's time


def test_no_event_starts_a_drill_that_is_not_armed(campus: Campus) -> None:
    drill = campus.plan()
    campus.durable("panel", "siren", 3, {"kind": "fire", "active": True}, came=4.5, kind=Kind.EVENTS)
    campus.conductor().step(NOW + 5)
    assert campus.drill(drill).phase is Phase.PLANNED


def test_the_schedule_starts_it_at_its_second(campus: Campus) -> None:
    drill = campus.plan(planned_at=utc(10), starts_itself=True)
    conductor = campus.conductor()
    conductor.step(NOW + 9)
    assert campus.drill(drill).phase is Phase.PLANNED
    conductor.step(NOW + 10.4)
    assert (campus.drill(drill).phase, campus.drill(drill).t0_s) == (Phase.EVACUATING, NOW + 10)


def test_an_earthquake_drill_evacuates_when_its_shelter_phase_is_over(campus: Campus) -> None:
    drill = campus.plan(kind=DrillKind.EARTHQUAKE, planned_at=utc(10), starts_itself=True, record={"shelter_s": 60})
    conductor = campus.conductor()
    conductor.step(NOW + 11)
    assert campus.drill(drill).phase is Phase.SHELTER
    conductor.step(NOW + 71)
    assert (campus.drill(drill).phase, campus.drill(drill).t0_s) == (Phase.EVACUATING, NOW + 70)


def test_saying_it_twice_changes_nothing(campus: Campus) -> None:
    drill = campus.plan()
    assert campus.say(drill, START)
    assert not campus.say(drill, START)
    assert campus.say(drill, Ended("end", moment(30)))


def test_two_drills_of_a_school_do_not_run_at_once(campus: Campus) -> None:
    first, second = campus.plan(), campus.plan()
    campus.say(first, START)
    with pytest.raises(RefusedError, match="已有演练在进行"):
        campus.say(second, START)


def test_an_unknown_drill_is_said_to_be_unknown(campus: Campus) -> None:
    with pytest.raises(UnknownError):
        campus.drill("nothing")


def test_pages_hear_of_every_step_of_a_drill(campus: Campus) -> None:
    drill = campus.plan()
    campus.beat(-60, 90)
    campus.say(drill, START)
    conductor = campus.conductor()
    conductor.step(NOW + 1)
    conductor.step(NOW + 2)  # nothing new: nothing said
    with campus.database.read.connect() as connection:
        kinds = list(connection.execute(select(changes.c.kind, changes.c.payload).order_by(changes.c.n)))
    assert [row.kind for row in kinds] == ["drill"] * 3


def test_a_drill_nobody_ended_stops_being_a_running_drill(campus: Campus) -> None:
    drill = campus.plan()
    campus.say(drill, START)
    with campus.database.read.connect() as connection:
        assert store.running(connection, "s1", NOW + 60) == drill
        assert store.running(connection, "s1", NOW + 4000) is None


def test_the_order_of_arrival_makes_no_difference(campus: Campus) -> None:
    drill = campus.plan()
    campus.beat(-60, 90)
    campus.say(drill, START)
    times = [float(t) for t in range(10, 40)]
    random.Random(2).shuffle(times)
    for seconds in times:
        campus.cross("pi-1/east", seconds, came=60)
    run_out(campus, drill)
    campus.conductor().step(NOW + 95)
    assert campus.result(drill).count.net == 36
    clear = campus.result(drill).clear
    assert clear is not None
    assert clear.seconds == pytest.approx(39.0, abs=0.05)


def test_a_drill_nobody_was_timed_in_proves_no_duty(campus: Campus) -> None:
    drill = campus.plan()
    campus.say(drill, START)
    campus.say(drill, Ended("end", moment(5)))
    campus.conductor().step(NOW + 6)
    assert campus.drill(drill).phase is Phase.FINISHED
    assert campus.duties == []


def test_the_real_books_take_a_problem_once_and_tick_the_duty(campus: Campus) -> None:
    books = Books(Ledger(load_judgement(), lambda: utc(0)), load_plan().duties)
    drill = campus.drill(campus.plan())
    flaw = Flaw("s1", "drill/x/p1", "西楼梯堆放纸箱", "西楼梯", "校长", utc(0))
    first, again = (campus.write(lambda c: books.open_hazard(c, flaw)) for _ in range(2))
    assert first == again
    for _ in range(2):
        campus.write(lambda c: books.fulfil_duty(c, drill, utc(0)))
    with campus.database.read.connect() as connection:
        done = list(connection.execute(select(records.c.duty, records.c.source)))
    assert done
    assert {row.source for row in done} == {"drill"}
    assert len({row.duty for row in done}) == len(done)
