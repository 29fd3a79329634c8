"""What is sent when: a narrow broker is not flooded again and again, and what no receipt comes for blocks nothing."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

from agent_fakes import event, running_outbox

from agent.mqtt import Outgoing
from agent.outbox import Outbox
from agent.publisher import Publisher
from contracts.messages import Receipt

_TURN_S = 0.02


class _Way:
    """A clock, and a broker and server that take so many messages a turn, drop the rest, and never take some."""

    def __init__(self, outbox: Outbox, places: int, never: frozenset[int] = frozenset()) -> None:
        self.now_s = 100.0
        self.publisher = Publisher("school", "pi-1", outbox, clock=lambda: self.now_s)
        self.sent = 0
        self.got: set[int] = set()
        self._places = places
        self._never = never

    def turn(self) -> list[Outgoing]:
        """Send what is due and hear the receipts of what had a place, then let time pass."""
        due = self.publisher.due()
        self.sent += len(due)
        entries = [json.loads(message.body) for message in due]
        taken = [entry for entry in entries[: self._places] if entry["seq"] not in self._never]
        self.now_s += _TURN_S
        if taken:
            seqs = tuple(entry["seq"] for entry in taken)
            self.publisher.receipt(Receipt(epoch=taken[0]["epoch"], seqs=seqs))
            self.got.update(seqs)
        else:
            self.now_s += self.publisher.next_due_s()
        return due


def _fill(outbox: Outbox, entries: int) -> None:
    for done in [outbox.submit(event(f"p{n}", active=False)) for n in range(entries)]:
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
