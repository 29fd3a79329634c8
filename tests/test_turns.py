"""Turns of agents at the writer: whoever floods waits alone, an alarm goes first, and nothing taken is lost."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from config.agent import MqttSection
from config.server import ServerConfig
from server.alerts.alert import no_ledger
from server.assembling import assemble
from server.database import connect, sqlite_address
from server.ingest.decode import Arrival
from server.ingest.intake import Intake
from server.metrics import make_metrics
from server.presence.presence import Presence
from server.turns import AT_ONCE, LEAST_SHARE, OWN, PACED_SHARE, PENANCE_S, SHARE, SLICE_S, Turns
from server.writer import Job, Writer

AT = datetime(2026, 9, 1, tzinfo=UTC)


def arrival(agent: str, n: int = 0, *, alarm: bool = False, kind: str = "events") -> Arrival:
    severity = "critical" if alarm else "advisory"
    return Arrival(f"campus/1/no1/{agent}/{kind}", f'{{"n":{n},"severity":"{severity}"}}'.encode(), AT, 0.0)


def agents(taken: list[Arrival]) -> list[str]:
    return [one.topic.split("/")[3] for one in taken]


def filled(turns: Turns[str], agent: str, count: int, *, alarm: bool = False) -> int:
    return sum(turns.offer(arrival(agent, n, alarm=alarm)) for n in range(count))


def test_what_an_agent_has_waiting_is_bounded_and_the_others_find_room(caplog: pytest.LogCaptureFixture) -> None:
    turns: Turns[str] = Turns()
    with caplog.at_level(logging.INFO):
        assert filled(turns, "flooder", 100 * OWN) == OWN
        assert filled(turns, "honest", 10) == 10
        turns.close()
        while len(turns):
            turns.take(500)
    said = [record.getMessage() for record in caplog.records if "flooder" in record.getMessage()]
    assert len(said) == 2  # once when it began, once when it ended
    assert str(99 * OWN) in said[1]


def test_all_that_was_taken_is_handed_out_in_the_order_of_its_agent() -> None:
    turns: Turns[str] = Turns()
    for n in range(200):
        for agent in ("a", "b", "c"):
            turns.offer(arrival(agent, n, alarm=n % 7 == 0))
    handed: list[Arrival] = []
    while len(turns):
        handed += turns.take(50)[0]
    for agent in ("a", "b", "c"):
        own = [one.payload for one in handed if f"/{agent}/" in one.topic]
        assert own == [arrival(agent, n, alarm=n % 7 == 0).payload for n in range(200)]


def test_an_honest_alarm_is_in_the_very_next_batch_whatever_a_flooder_has_waiting() -> None:
    turns: Turns[str] = Turns()
    filled(turns, "flooder", OWN, alarm=True)
    turns.offer(arrival("honest", alarm=True))
    assert "honest" in agents(turns.take(20)[0])


def test_an_alarm_shares_every_other_transaction_with_nobody_who_sends_much_and_who_does_is_not_starved() -> None:
    now_s = 100.0
    turns: Turns[str] = Turns(clock=lambda: now_s, pace=800.0)
    turns.offer(arrival("honest"))
    turns.take(500)
    n, seen = 0, list[list[str]]()
    for _ in range(2):
        filled(turns, "drains", AT_ONCE // 2)
        while len(turns):
            turns.take(500)
    for _ in range(4):
        now_s += 0.02
        for _ in range(20):
            n += 1
            turns.offer(arrival("drains", 10_000 + n, alarm=True))
        turns.offer(arrival("honest", n, alarm=True))
        seen.append(agents(turns.take(500)[0]))
    assert seen[0] == seen[2] == ["honest"]
    for batch in (seen[1], seen[3]):
        assert (batch.count("honest"), batch.count("drains")) == (1, PACED_SHARE)


def test_the_writer_keeps_the_turns_it_is_given_though_nothing_waits_in_them_yet(tmp_path: Path) -> None:
    refused = list[Arrival]()
    turns: Turns[Job[Any]] = Turns(own=1, refused=refused.append)
    intake = Intake(Presence(no_ledger), no_ledger)
    writer = Writer(connect(sqlite_address(tmp_path / "campus.db")), intake, make_metrics(), turns=turns)
    assert writer.offer(arrival("flooder", 1))
    assert not writer.offer(arrival("flooder", 2))
    assert [one.payload for one in refused] == [arrival("flooder", 2).payload]


def test_a_server_counts_what_its_writer_refuses_as_a_flood(tmp_path: Path) -> None:
    services = assemble(ServerConfig(data=tmp_path), MqttSection(), no_ledger).services
    taken = sum(services.writer.offer(arrival("flooder", n)) for n in range(OWN + 5))
    assert taken == OWN
    assert [(flood.agent, flood.refused) for flood in services.allowance.floods()] == [("flooder", 5)]


def test_who_had_to_be_refused_gets_little_of_the_time_until_it_is_through() -> None:
    now_s = 100.0
    turns: Turns[str] = Turns(clock=lambda: now_s)
    filled(turns, "flooder", OWN + 1)
    assert len(turns.take(500)[0]) == LEAST_SHARE
    turns.offer(arrival("honest"))
    assert agents(turns.take(500)[0]) == ["honest"]
    now_s += PENANCE_S
    assert len(turns.take(500)[0]) == LEAST_SHARE


def test_what_is_sent_again_while_it_waits_is_not_queued_twice_and_is_no_flood() -> None:
    turns: Turns[str] = Turns()
    filled(turns, "slow", 200)
    for _ in range(10):
        assert filled(turns, "slow", 200) == 0
    assert len(turns.take(500)[0]) == 200
    assert filled(turns, "slow", 200) == 200


def test_an_alarm_goes_before_what_others_have_to_say() -> None:
    turns: Turns[str] = Turns()
    for n in range(300):
        turns.offer(arrival(f"a{n}"))
    turns.offer(arrival("fire", alarm=True))
    assert agents(turns.take(10)[0])[0] == "fire"


def test_alarms_for_ever_do_not_starve_an_agent_without_one() -> None:
    turns: Turns[str] = Turns()
    filled(turns, "flooder", OWN, alarm=True)
    turns.offer(arrival("honest"))
    assert "honest" in agents(turns.take(20)[0])


@pytest.mark.parametrize(
    ("seconds", "agents_in_it", "share"),
    [
        pytest.param(10 * SLICE_S, 1, LEAST_SHARE, id="a slow batch of one agent makes its share least"),
        pytest.param(10 * SLICE_S, 100, SHARE, id="the same time for a hundred agents is a short slice each"),
    ],
)
def test_a_share_fits_the_time_it_takes(seconds: float, agents_in_it: int, share: int) -> None:
    turns: Turns[str] = Turns()
    batch = [arrival(f"a{n}") for n in range(agents_in_it)]
    for _ in range(40):
        turns.took(batch, seconds)
    assert turns.share == share


def test_a_share_grows_back_when_batches_are_short() -> None:
    turns: Turns[str] = Turns()
    for seconds in [1.0] * 40 + [0.0] * 40:
        turns.took([arrival("a")], seconds)
    assert turns.share == SHARE


def test_jobs_of_people_never_wait_behind_arrivals_and_are_bounded() -> None:
    turns: Turns[str] = Turns(jobs=2)
    filled(turns, "flooder", OWN)
    assert [turns.ask(name) for name in ("a", "b", "c")] == [True, True, False]
    assert turns.take(10)[1] == ["a", "b"]


def test_a_full_queue_refuses_only_after_its_wait_and_room_ends_the_wait() -> None:
    turns: Turns[str] = Turns(capacity=1)
    turns.offer(arrival("a"))
    assert not turns.offer(arrival("b"))
    done: list[bool] = []
    waiting = threading.Thread(target=lambda: done.append(turns.offer(arrival("b"), 30.0)))
    waiting.start()
    turns.take(1)
    waiting.join(30)
    assert done == [True]


def test_after_the_end_nothing_is_taken_and_what_waits_is_handed_out() -> None:
    turns: Turns[str] = Turns()
    turns.offer(arrival("a"))
    turns.close()
    assert not turns.offer(arrival("a"))
    assert not turns.ask("job")
    assert len(turns.take(10)[0]) == 1
    assert turns.take(10) == ([], [])
