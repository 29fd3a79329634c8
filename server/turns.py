"""What waits to be written: each agent has a queue and a turn, alarms first, so that one that floods waits alone."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from math import inf
from typing import Generic, TypeVar

from contracts.topics import Kind
from contracts.vocabulary import Severity
from server.ingest.decode import Arrival

CAPACITY = 5_000  # arrivals of all agents
OWN = 300  # of one agent: an honest one has 200 on the way, and what it sends again is not queued twice
JOBS = 1_000
SHARE, LEAST_SHARE = 500, 8  # of one agent in one transaction
SLICE_S = 0.01  # how long one agent may keep the others waiting in one transaction
PENANCE_S = 0.5  # between two shares of an agent that had to be refused: no honest one ever has so much waiting

PACE, AT_ONCE = 800.0, 400  # arrivals of one agent: a second, and before it is paced
MUCH = 16  # of one agent, waiting or so many more than its pace: then its share of a transaction is small
PACED_SHARE = 16
ALONE_S = 60.0  # where no other agent was heard for so long, nobody is paced

Job = TypeVar("Job")
_log = logging.getLogger(__name__)
_EVENTS = f"/{Kind.EVENTS}"
_ALARM = f'"severity":"{Severity.CRITICAL}"'.encode()


@dataclass(slots=True)
class _Line:
    """One agent's arrivals, in the order they came."""

    arrivals: deque[Arrival] = field(default_factory=deque[Arrival])
    payloads: set[bytes] = field(default_factory=set[bytes])
    alarms: int = 0
    refused: int = 0
    not_before_s: float = 0.0


class Turns(Generic[Job]):
    """Hands out batches: all jobs, then of every agent a share, those with an alarm first. Safe between threads."""

    def __init__(
        self,
        capacity: int = CAPACITY,
        own: int = OWN,
        jobs: int = JOBS,
        clock: Callable[[], float] = time.monotonic,
        refused: Callable[[Arrival], None] | None = None,
        pace: float = inf,
    ) -> None:
        self._capacity, self._own, self._most_jobs, self._clock = capacity, own, jobs, clock
        self._lines: dict[str, _Line] = {}  # in the order of their turns; an agent with nothing waiting has none
        self._jobs: deque[Job] = deque()
        self._count = 0
        self._share = SHARE
        self._refused = refused
        self._pace = pace
        self._paid_s: dict[str, float] = {}  # until when an agent has had, at its pace, what it took
        self._passed = False  # the last batch left those out that send much
        self._changed = threading.Condition()
        self._closed = False

    def __len__(self) -> int:
        """How many arrivals and jobs wait."""
        return self._count + len(self._jobs)

    @property
    def share(self) -> int:
        """How many arrivals of one agent go into one batch."""
        return self._share

    def offer(self, arrival: Arrival, timeout_s: float = 0.0) -> bool:
        """Queue an arrival; False where its agent has too much waiting, or all together have for `timeout_s`.

        False as well where the very same still waits: an agent that sends again is not one that floods.
        """
        agent = agent_of(arrival.topic)
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                line = self._lines.get(agent)
                if self._closed:
                    return False
                if line is not None and arrival.payload in line.payloads:
                    return False
                if line is not None and len(line.arrivals) >= self._own:
                    self._refuse(agent, line, arrival)
                    return False
                if self._count < self._capacity:
                    break
                if (left_s := deadline - time.monotonic()) <= 0:
                    return False
                self._changed.wait(left_s)
            line = self._lines.setdefault(agent, _Line())
            line.arrivals.append(arrival)
            line.payloads.add(arrival.payload)
            line.alarms += is_alarm(arrival)
            self._count += 1
            self._changed.notify_all()
            return True

    def ask(self, job: Job) -> bool:
        """Queue a job; False where too many wait. Never waits itself."""
        with self._changed:
            if self._closed or len(self._jobs) >= self._most_jobs:
                return False
            self._jobs.append(job)
            self._changed.notify_all()
            return True

    def take(self, most: int) -> tuple[list[Arrival], list[Job]]:
        """Wait for the next batch of about `most`; both lists are empty at the end, once all is handed out."""
        with self._changed:
            while not self._jobs and not self._ready() and not (self._closed and not self._count):
                self._changed.wait(self._rest_s())
            jobs = list(self._jobs)
            self._jobs.clear()
            arrivals: list[Arrival] = []
            paced = self._is_paced()
            ready = self._first(self._ready(), paced=paced)
            share = min(self._share, max(1, most // max(1, len(ready))))
            for agent in sorted(ready, key=lambda agent: self._lines[agent].alarms == 0):
                if len(arrivals) >= most:
                    break
                most_of_it = min(share, PACED_SHARE) if self._sends_much(agent, paced=paced) else share
                arrivals += self._turn(agent, most_of_it)
            self._count -= len(arrivals)
            self._changed.notify_all()
            return arrivals, jobs

    def took(self, arrivals: list[Arrival], seconds: float) -> None:
        """Fit an agent's share to how long the batch took, so that each had about `SLICE_S` of it."""
        if not arrivals:
            return
        slice_s = seconds / len({agent_of(arrival.topic) for arrival in arrivals})
        if slice_s > SLICE_S:
            self._share = max(LEAST_SHARE, self._share * 3 // 4)
        elif slice_s < SLICE_S / 2:
            self._share = min(SHARE, self._share * 2)

    def close(self) -> None:
        """Take nothing more; what waits is still handed out."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _ready(self) -> list[str]:
        now_s, paced = self._clock(), self._is_paced()
        return [
            agent
            for agent, line in self._lines.items()
            if self._closed or self._from_s(agent, line, paced=paced) <= now_s
        ]

    def _first(self, ready: list[str], *, paced: bool) -> list[str]:
        """Leave those out that send much, every other time: an alarm waits for none of them in its own transaction."""
        few = [agent for agent in ready if not self._sends_much(agent, paced=paced)]
        self._passed = 0 < len(few) < len(ready) and not self._passed
        return few if self._passed else ready

    def _sends_much(self, agent: str, *, paced: bool) -> bool:
        line = self._lines[agent]
        if line.refused or not paced:
            return line.refused > 0
        ahead_s = (AT_ONCE - MUCH) / self._pace
        return len(line.arrivals) > MUCH or self._paid_s.get(agent, 0.0) > self._clock() - ahead_s

    def _from_s(self, agent: str, line: _Line, *, paced: bool) -> float:
        return max(line.not_before_s, self._paid_s.get(agent, 0.0)) if paced else line.not_before_s

    def _is_paced(self) -> bool:
        """Tell whether agents keep to their pace: one alone may have all of the writer."""
        last_two_s = list(islice(reversed(self._paid_s.values()), 2))  # in the order of their last turns
        return self._pace < inf and len(last_two_s) == 2 and min(last_two_s) > self._clock() - ALONE_S

    def _pay(self, agent: str, count: int) -> None:
        """Note that an agent took so many: what is beyond a burst it has at its pace."""
        now_s = self._clock()
        began_s = max(self._paid_s.pop(agent, 0.0), now_s - AT_ONCE / self._pace)
        self._paid_s[agent] = began_s + count / self._pace
        while next(iter(self._paid_s.values())) < now_s - ALONE_S:  # in the order of their last turns
            del self._paid_s[next(iter(self._paid_s))]

    def _rest_s(self) -> float | None:
        """Seconds until the first of those that had to be refused is ready again; None where nobody waits."""
        paced = self._is_paced()
        ends = [self._from_s(agent, line, paced=paced) for agent, line in self._lines.items()]
        return max(0.001, min(ends) - self._clock()) if ends else None

    def _turn(self, agent: str, most: int) -> list[Arrival]:
        line = self._lines.pop(agent)
        if line.refused:
            most, line.not_before_s = min(most, LEAST_SHARE), self._clock() + PENANCE_S
        taken = [line.arrivals.popleft() for _ in range(min(most, len(line.arrivals)))]
        line.alarms -= sum(map(is_alarm, taken))
        line.payloads.difference_update(one.payload for one in taken)
        self._pay(agent, len(taken))
        if line.arrivals:
            self._lines[agent] = line  # at the end: the others come before its next turn
        elif line.refused:
            _log.info("%s: no longer sends more than is taken; %d messages were refused", agent, line.refused)
        return taken

    def _refuse(self, agent: str, line: _Line, arrival: Arrival) -> None:
        if self._refused is not None:
            self._refused(arrival)
        line.refused += 1
        if line.refused == 1:
            _log.warning("%s: has %d messages waiting; more are refused, it must send them again", agent, self._own)


def agent_of(topic: str) -> str:
    """Return whose turn a message takes: its topic without the kind."""
    return topic.rpartition("/")[0]


def is_alarm(arrival: Arrival) -> bool:
    """Guess from the bytes whether a message is a critical event; a wrong guess costs a place in the order, no more."""
    return arrival.topic.endswith(_EVENTS) and _ALARM in arrival.payload
