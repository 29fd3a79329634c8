"""A few hundred simulated agents in one process: `python -m bench.city_agents PORTS FIRST COUNT SITES EVENTS_A_SECOND`.

PORTS are those of the broker's nodes, with commas; an agent that loses one comes back at the next. Each speaks as a
real one: a birth, a heartbeat every 5 s, 100 points in ten batches every 10 s, events that are sent again until they
have their receipt. Commands come as lines on stdin: `storm`, `stop`. The result is one JSON line.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bench.mini_mqtt import Client, connect
from contracts.messages import Birth, Event, Heartbeat, Point, Reading, Readings, Stamp
from contracts.vocabulary import Clock, Severity

POINTS, BATCHES_A_CYCLE, CYCLE_S = 100, 10, 10.0
BEAT_S, AGAIN_S = 5.0, 3.0
SILENT_S = 60.0  # without a receipt of a heartbeat it dials anew
AT_ONCE = 25  # connections being made at one moment


@dataclass
class Figures:
    """What a process has seen."""

    events: int = 0
    readings: int = 0
    delays_s: list[float] = field(default_factory=list[float])
    calm_s: list[float] = field(default_factory=list[float])
    storms_s: list[float] = field(default_factory=list[float])
    reconnects: int = 0


class Agent:
    """One agent."""

    def __init__(
        self, ports: Sequence[int], number: int, sites: int, figures: Figures, gate: asyncio.Semaphore
    ) -> None:
        self._ports, self._turn, self._figures, self._gate = ports, number, figures, gate
        self.name = f"agent-{number}"
        self._root = f"campus/1/site-{number % sites}/{self.name}"
        self._boot, self._epoch = str(uuid.uuid4()), str(uuid.uuid4())
        self._seq = self._beats = self._session = 0
        self._heard_s = 0.0
        self.unacked: dict[int, tuple[bytes, float]] = {}
        self.answered = asyncio.Event()
        self.client: Client | None = None

    async def run(self) -> None:
        """Live until cancelled; come back whenever the line is cut."""
        while True:
            try:
                async with self._gate:
                    client = await connect(self._ports[self._turn % len(self._ports)], self.name, self._hear)
            except OSError:
                self._turn += 1
                await asyncio.sleep(random.uniform(0.5, 2.0))
                continue
            self.client, self._session = client, self._session + 1
            self._figures.reconnects += 1
            client.subscribe(f"{self._root}/receipt", 0)
            self._be_born(client)
            life = asyncio.create_task(self._live(client))
            await client.lost.wait()
            life.cancel()
            self.client, self._turn = None, self._turn + 1
            await asyncio.sleep(random.uniform(0.5, 2.0))

    def _be_born(self, client: Client) -> None:
        points = tuple(Point(id=f"p{n}", name=f"{n} 号点", kind="contact", place="楼") for n in range(POINTS))
        birth = Birth(name=self.name, stamp=self._stamp(), session=self._session, epoch=self._epoch, points=points)
        client.publish(f"{self._root}/birth", birth.model_dump_json().encode(), 1, retain=True)

    async def _live(self, client: Client) -> None:
        began_s = time.monotonic() + random.uniform(0, 1)
        self._heard_s, turn = time.monotonic(), 0
        while True:
            await asyncio.sleep(max(0.0, began_s + turn * CYCLE_S / BATCHES_A_CYCLE - time.monotonic()))
            self._read(client, turn % BATCHES_A_CYCLE)
            if turn % 5 == 0:
                self._beats += 1
                beat = Heartbeat(
                    n=self._beats, stamp=self._stamp(), session=self._session, epoch=self._epoch, last_seq=self._seq
                )
                client.publish(f"{self._root}/heartbeat", beat.model_dump_json().encode(), 1)
            for body, sent_s in list(self.unacked.values()):
                if time.monotonic() - sent_s > AGAIN_S:
                    client.publish(f"{self._root}/events", body, 1)
            if time.monotonic() - self._heard_s > SILENT_S:
                client.drop()
            turn += 1

    def _read(self, client: Client, share: int) -> None:
        at, each = datetime.now(UTC), POINTS // BATCHES_A_CYCLE
        values = tuple(
            Reading(point=f"p{n}", at=at, value=round(random.uniform(0, 1), 3))
            for n in range(share * each, share * each + each)
        )
        batch = Readings(readings=values, boot_id=self._boot, clock=Clock.SYNCED)
        client.publish(f"{self._root}/readings", batch.model_dump_json().encode())
        self._figures.readings += each

    def happen(self) -> None:
        """Something comes on, or goes off again."""
        self._seq += 1
        event = Event(
            id=str(uuid.uuid4()), epoch=self._epoch, seq=self._seq, stamp=self._stamp(), point="p1", kind="smoke",
            active=self._seq % 2 == 1, severity=Severity.CRITICAL, reason="fixed-limit",
        )  # fmt: skip
        body = event.model_dump_json().encode()
        self.unacked[self._seq] = body, time.monotonic()
        self._figures.events += 1
        if self.client is not None:
            self.client.publish(f"{self._root}/events", body, 1)

    def _hear(self, topic: str, body: bytes) -> None:  # noqa: ARG002
        receipt = json.loads(body)
        if receipt.get("heartbeat") is not None:
            self._heard_s = time.monotonic()
            self.answered.set()
        for seq in receipt.get("seqs", ()):
            if (waited := self.unacked.pop(seq, None)) is not None:
                self._figures.delays_s.append(time.monotonic() - waited[1])

    def _stamp(self) -> Stamp:
        return Stamp(at=datetime.now(UTC), boot_id=self._boot, mono_s=time.monotonic(), clock=Clock.SYNCED)


async def storm(agents: list[Agent], figures: Figures) -> None:
    """Cut all lines at once; note how long until every agent's heartbeat was answered again."""
    began_s = time.monotonic()
    figures.calm_s, figures.delays_s = figures.delays_s, []
    for agent in agents:
        agent.answered.clear()
        if agent.client is not None:
            agent.client.drop()
    for agent in agents:
        await agent.answered.wait()
    figures.storms_s.append(time.monotonic() - began_s)
    print("calm", flush=True)


async def main(ports: Sequence[int], first: int, count: int, sites: int, rate: float) -> None:
    """Run until told to stop; then wait for the last receipts."""
    figures, gate = Figures(), asyncio.Semaphore(AT_ONCE)
    agents = [Agent(ports, first + n, sites, figures, gate) for n in range(count)]
    tasks = [asyncio.create_task(agent.run()) for agent in agents]
    for agent in agents:
        await agent.answered.wait()
    print("ready", flush=True)
    lines: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin, lambda: lines.put_nowait(sys.stdin.readline().strip()))
    due_s = time.monotonic()
    storms: set[asyncio.Task[None]] = set()
    while True:
        try:
            line = await asyncio.wait_for(lines.get(), max(0.001, due_s - time.monotonic()))
        except TimeoutError:
            random.choice(agents).happen()
            due_s += 1 / rate
            continue
        if line == "storm":
            storms.add(asyncio.create_task(storm(agents, figures)))
        else:
            break
    for _ in range(600):
        if not any(agent.unacked for agent in agents):
            break
        await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
    lost = sum(len(agent.unacked) for agent in agents)
    print(json.dumps({**figures.__dict__, "unacked": lost}), flush=True)


if __name__ == "__main__":
    nodes = [int(word) for word in sys.argv[1].split(",")]
    asyncio.run(main(nodes, *(int(word) for word in sys.argv[2:5]), rate=float(sys.argv[5])))
