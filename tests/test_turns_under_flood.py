"""The writer as a clock that counts: how long an alarm waits beside an agent that sends a hundred times as much."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from server.ingest.decode import Arrival
from server.turns import PACE, Turns

AT = datetime(2026, 9, 1, tzinfo=UTC)
RUN_S, RATE, TIMES, BURST = 30.0, 10.0, 100, 20


@dataclass
class Machine:
    """A writer that takes `commit_s` for a transaction and `each_s` for every arrival in it, on a clock of its own."""

    each_s: float
    commit_s: float
    chance: random.Random
    now_s: float = 1000.0
    waited_s: list[float] = field(default_factory=list[float])

    def run(self, sent: Sequence[tuple[float, str]]) -> None:
        turns: Turns[str] = Turns(clock=lambda: self.now_s, pace=PACE)
        came = 0

        def let_come(until_s: float) -> None:
            nonlocal came
            while came < len(sent) and sent[came][0] <= until_s:
                self.now_s, agent = sent[came]
                body = b'{"n":%d,"severity":"critical"}' % came
                turns.offer(Arrival(f"campus/1/no1/{agent}/events", body, AT, self.now_s))
                came += 1
            self.now_s = until_s

        while came < len(sent) or len(turns):
            if not turns._ready():
                paced = turns._is_paced()
                ends = [turns._from_s(agent, line, paced=paced) for agent, line in turns._lines.items()]
                let_come(max(self.now_s + 1e-6, min([*ends, *(sent[came][:1] if came < len(sent) else ())])))
                continue
            taken, _ = turns.take(500)
            took_s = self.commit_s * self.chance.uniform(0.8, 1.6) + self.each_s * len(taken)
            let_come(self.now_s + took_s)
            turns.took(taken, took_s)
            self.waited_s += [self.now_s - one.mono_s for one in taken if "/honest/" in one.topic]


def sent(chance: random.Random, *, flooded: bool) -> list[tuple[float, str]]:
    found: list[tuple[float, str]] = []
    for agent, rate, burst in (("honest", RATE, 1), ("flooder", RATE * TIMES, BURST))[: 1 + flooded]:
        at_s = 1000.0 if agent == "honest" else 1001.0
        while at_s < 1000.0 + RUN_S:
            found += [(at_s, agent)] * burst
            at_s += burst / rate * chance.uniform(0.7, 1.3)
    return sorted(found)


def p99(each_s: float, commit_s: float, *, flooded: bool) -> float:
    waited_s: list[float] = []
    for number in range(6):
        machine = Machine(each_s, commit_s, random.Random(number))
        machine.run(sent(machine.chance, flooded=flooded))
        waited_s += machine.waited_s
    return sorted(waited_s)[len(waited_s) * 99 // 100]


@pytest.mark.parametrize(
    ("each_s", "commit_s"),
    [
        pytest.param(0.00025, 0.003, id="a fast machine"),
        pytest.param(0.0004, 0.004, id="a mini PC"),
        pytest.param(0.0008, 0.006, id="a slow one"),
    ],
)
def test_an_alarm_waits_less_than_twice_as_long_beside_a_flood(each_s: float, commit_s: float) -> None:
    ratio = p99(each_s, commit_s, flooded=True) / p99(each_s, commit_s, flooded=False)
    assert ratio < 2, ratio
