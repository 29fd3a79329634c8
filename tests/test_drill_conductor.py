"""Drills end to end in the database: acts, crossings by edge stamps, triggers, restarts, revisions."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from drill_campus import NOW, SCHOOL, START, Campus, campus_in, moment, run_out, utc
from sqlalchemy import select

from contracts.topics import Kind
from server.changes import changes
from server.drills import outcome, store
from server.drills.conductor import Flaw
from server.drills.inputs import DrillKind, Ended
from server.drills.results import Phase, Verdict
from server.drills.view import row_of
from server.drills.wiring import Books
from server.duties.plan import load_plan
from server.duties.tables import records
from server.errors import RefusedError, UnknownError
from server.ledger.judgement import load_judgement
from server.ledger.sensors import Ledger


@pytest.fixture
def campus(tmp_path: Path) -> Iterator[Campus]:
    with campus_in(tmp_path) as made:
        yield made


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
    with campus.database.read.connect() as connection:
        row = row_of(campus.drill(drill), SCHOOL, outcome.newest(connection, [drill, "none"])[drill])
    assert (row.verdict, row.official_s) == ("met", 45.0)
    assert row_of(campus.drill(campus.plan()), SCHOOL).verdict == ""


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
        kept = [r.count.net for _, r in outcome.revisions(connection, drill)]
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
