"""What is sent when: no point's events overtake each other, a narrow broker is not flooded, nothing blocks for ever."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from agent_fakes import crossing, event, running_outbox

from agent.mqtt import Outgoing
from agent.outbox import Outbox
from agent.publisher import Publisher
from contracts.messages import Receipt

_TURN_S = 0.02


class _Way:
    """A clock, and a broker and server that take so many messages a turn, drop the rest, and never take some."""

    def __init__(
        self,
        outbox: Outbox,
        places: int,
        never: frozenset[int] = frozenset(),
        open_at: Callable[[float], bool] = lambda _: True,
    ) -> None:
        self.now_s = 100.0
        self.publisher = Publisher("school", "pi-1", outbox, clock=lambda: self.now_s)
        self.sent = 0
        self.got: dict[int, str] = {}  # point by number, in the order of arrival
        self._open_at = open_at  # whether anybody hears at a moment
        self._places = places
        self._never = never

    def in_order(self) -> bool:
        """Whether of each point the older came before the newer."""
        return all(
            seqs == sorted(seqs)
            for point in set(self.got.values())
            for seqs in [[seq for seq, of in self.got.items() if of == point]]
        )

    def turn(self) -> list[Outgoing]:
        """Send what is due and hear the receipts of what had a place, then let time pass."""
        due = self.publisher.due()
        self.sent += len(due)
        entries = [json.loads(message.body) for message in due]
        places = self._places if self._open_at(self.now_s) else 0
        taken = [entry for entry in entries[:places] if entry["seq"] not in self._never]
        self.now_s += _TURN_S
        if taken:
            seqs = tuple(entry["seq"] for entry in taken)
            self.publisher.receipt(Receipt(epoch=taken[0]["epoch"], seqs=seqs))
            for entry in taken:
                self.got.setdefault(entry["seq"], entry.get("point", ""))
        else:
            self.now_s += self.publisher.next_due_s()
        return due


def _fill(outbox: Outbox, entries: int, points: int = 10_000, *, alarms: bool = False) -> None:
    """Let each point in turn begin and end: `alarms` tells whether its beginnings are alarms."""
    made = [event(f"p{n % points}", active=alarms and n // points % 2 == 0) for n in range(entries)]
    for done in [outbox.submit(each) for each in made]:
        done.result(20)


def test_a_broker_with_thirty_places_gets_a_backlog_within_seconds(tmp_path: Path) -> None:
    with running_outbox(tmp_path) as outbox:
        _fill(outbox, 1000)
        way = _Way(outbox, places=30)
        while not outbox.empty():
            way.turn()
            assert way.now_s < 100 + 20, f"{len(way.got)} came through"
        assert way.sent < 2000


def test_a_way_that_drops_nothing_is_sent_everything_once(tmp_path: Path) -> None:
    with running_outbox(tmp_path) as outbox:
        _fill(outbox, 1000)
        way = _Way(outbox, places=1000)
        while not outbox.empty():
            way.turn()
        assert way.sent == len(way.got) >= 1000


def test_entries_that_nobody_ever_receipts_hold_the_others_up_only_for_a_while(tmp_path: Path) -> None:
    with running_outbox(tmp_path) as outbox:
        _fill(outbox, 600)
        way = _Way(outbox, places=1000, never=frozenset(range(1, 101)))
        while len(way.got) < 500:
            way.turn()
            assert way.now_s < 100 + 60, f"{len(way.got)} came through"


def test_to_a_server_that_is_away_everything_is_sent_ever_more_rarely(tmp_path: Path) -> None:
    with running_outbox(tmp_path) as outbox:
        _fill(outbox, 1)
        way = _Way(outbox, places=0)
        at: list[float] = []
        while len(at) < 7:
            before = way.now_s
            if any(b'"p0"' in message.body for message in way.turn()):
                at.append(before)
    assert [round(later - earlier) for earlier, later in pairwise(at)] == [3, 6, 12, 24, 30, 30]


@pytest.mark.parametrize("places", [3, 30, 1000])
def test_a_points_events_arrive_in_order_however_many_are_dropped(tmp_path: Path, places: int) -> None:
    with running_outbox(tmp_path) as outbox:
        _fill(outbox, 600, points=20)
        way = _Way(outbox, places)
        while not outbox.empty():
            way.turn()
            assert way.now_s < 100 + 120, f"{len(way.got)} came through"
    assert len(way.got) >= 600
    assert way.in_order()


@pytest.mark.parametrize("alarms", [False, True])
def test_a_points_events_arrive_in_order_when_nobody_hears_for_a_while_and_lines_break(
    tmp_path: Path, *, alarms: bool
) -> None:
    dice = random.Random(7)
    deaf = [(at := 100 + 2 * n + dice.random(), at + dice.uniform(0.1, 1.5)) for n in range(40)]
    with running_outbox(tmp_path) as outbox:
        _fill(outbox, 600, points=5, alarms=alarms)
        way = _Way(outbox, 1000, open_at=lambda now: not any(start <= now < end for start, end in deaf))
        while not outbox.empty():
            way.turn()
            if dice.random() < 0.02:
                way.publisher.reconnected()
            assert way.now_s < 100 + 300, f"{len(way.got)} came through"
    assert way.in_order()


def test_one_point_that_says_much_is_not_slowed_by_a_server_that_answers_late(tmp_path: Path) -> None:
    with running_outbox(tmp_path) as outbox:
        _fill(outbox, 2000, points=1)
        way, turns = _Way(outbox, places=1000), 0
        while not outbox.empty():
            way.turn()
            turns += 1
        assert way.in_order()
        assert turns < 2000 / 4


def test_what_was_passed_on_the_way_is_sent_again_at_once_and_not_after_seconds(tmp_path: Path) -> None:
    with running_outbox(tmp_path) as outbox:
        _fill(outbox, 3)
        way = _Way(outbox, places=1000, never=frozenset({1}))
        assert len(way.turn()) >= 3
        assert way.publisher.due() == []
        way.now_s += 0.5
        assert [json.loads(message.body)["seq"] for message in way.turn()] == [1]


def test_an_alarm_waits_a_second_for_what_its_point_said_before_then_goes_behind_it(tmp_path: Path) -> None:
    with running_outbox(tmp_path) as outbox:
        outbox.add(event("smoke", active=False))
        way = _Way(outbox, places=0)
        way.turn()
        way.publisher.receipt(Receipt(heartbeat=1))
        way.now_s = 100.5
        alarm = outbox.add(event("smoke"))
        assert way.publisher.due() == []
        way.now_s = 101.0
        assert [json.loads(message.body)["active"] for message in way.publisher.due()] == [False, True]
        assert alarm.seq > 1


def test_another_points_alarm_waits_for_nobody(tmp_path: Path) -> None:
    with running_outbox(tmp_path) as outbox:
        _fill(outbox, 1000)
        way = _Way(outbox, places=0)
        assert len(way.publisher.due()) == 200
        outbox.add(event("smoke"))
        assert [json.loads(message.body)["point"] for message in way.publisher.due()] == ["smoke"]


def test_crossings_wait_for_nobody_and_leave_last(tmp_path: Path) -> None:
    with running_outbox(tmp_path) as outbox:
        for done in [outbox.submit(crossing()) for _ in range(500)]:
            done.result(20)
        way = _Way(outbox, places=1000)
        first = way.publisher.due()
        assert len(first) == 200
        assert [message.topic.rpartition("/")[2] for message in first].count("crossings") >= 198
        way.publisher.reconnected()
        while not outbox.empty():
            way.turn()
        assert len(way.got) >= 500
