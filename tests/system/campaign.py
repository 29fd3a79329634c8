"""One chain under random faults for a while: what happened to it, and how its processes' memory went."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from brokers import Broker, Engine
from chain import chain, wait_for
from chaos import ChaosLine
from deeds import HANGS, KILLS, LINES, Deed, Scene
from stories import Stories
from tally import Fault, Key, Tally, Vitals
from verdict import Verdict
from wall_clock import WallClock

DRAINED_WITHIN_S = 300.0  # the delays are told; only never is a failure
KILLS_SHARE = 0.4
TOGETHER = 0.25  # share of faults that come two at a time: one of a process, one of the line


@dataclass(slots=True)
class Campaign:
    """Faults over one chain of its own. `killing` says whether processes die; else their memory is followed."""

    name: str
    seed: int
    killing: bool
    faults: list[Fault] = field(default_factory=list[Fault])
    vitals: list[Vitals] = field(default_factory=list[Vitals])
    tally: Tally | None = None
    verdict: Verdict | None = None
    wrong: Sequence[str] = ()
    overtaken: int = 0
    unharmed: bool = False
    failure: str = ""

    def run(self, engine: Engine, folder: Path, *, agents: int, rate: float, seconds: float) -> None:
        """Inject faults for so long; never raise, so that another chain's campaign goes on."""
        try:
            with _scene(engine, folder, self.seed, agents, rate) as scene:
                self._fight(scene, seconds)
        except (AssertionError, OSError, RuntimeError) as e:
            self.failure = f"{self.name}, seed {self.seed}: {type(e).__name__}: {e}"

    def _fight(self, scene: Scene, seconds: float) -> None:
        whole, dice = scene.whole, random.Random(self.seed)
        tally = self.tally = Tally(whole)
        wait_for("events flow", lambda: bool(tally.look()) or len(tally.recorded) > 10, 60)
        if not self.killing:
            self.vitals = [Vitals(f"{self.name}: {p.name}", p.pid) for p in (*whole.agents, whole.server)]
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            self.faults += inject(self._choose(dice), scene, dice, tally)
            for each in self.vitals:
                each.sample(time.monotonic() - began)
            time.sleep(dice.uniform(0, 0.3))
        whole.quiet()
        wait_for("all is recorded", lambda: not tally.look(), DRAINED_WITHIN_S)
        self.verdict = whole.verdict()
        stories = Stories.of(whole)
        self.overtaken = stories.overtaken
        for _ in range(20):  # silent points still become faults: what was just said may not have been read
            self.wrong = Stories.of(whole).wrong(whole)
            if not self.wrong:
                break
            time.sleep(3.0)
        self.unharmed = all(agent.running() for agent in whole.agents)

    def _choose(self, dice: random.Random) -> Mapping[str, Deed]:
        of_process = KILLS if self.killing and dice.random() < KILLS_SHARE else HANGS
        if dice.random() < TOGETHER:
            return dict([dice.choice([*of_process.items()]), dice.choice([*LINES.items()])])
        return dict([dice.choice([*of_process.items()] if of_process is KILLS else [*HANGS.items(), *LINES.items()])])


def inject(deeds: Mapping[str, Deed], scene: Scene, dice: random.Random, tally: Tally) -> list[Fault]:
    """Do these at the same time, and wait until all that was accepted until their end is recorded."""
    tally.look()
    before, began = len(tally.accepted), time.monotonic()
    with ThreadPoolExecutor(len(deeds)) as together:
        done = [together.submit(deed, scene, random.Random(dice.random())) for deed in deeds.values()]
    for each in done:
        each.result()
    healed = time.monotonic()
    missing = tally.look()
    due, everything = frozenset(list(tally.accepted)[before:]), set(tally.accepted)
    if missing:
        wait_for(f"all is recorded after {' and '.join(deeds)}", _drained(tally, everything), DRAINED_WITHIN_S)
    return [Fault(kind, healed - began, due, time.monotonic() - healed, len(deeds)) for kind in deeds]


def _drained(tally: Tally, due: set[Key]) -> Callable[[], bool]:
    return lambda: not (tally.look() & due)


@contextmanager
def _scene(engine: Engine, folder: Path, seed: int, agents: int, rate: float) -> Generator[Scene]:
    folder.mkdir()
    broker = Broker(engine, folder)
    broker.start()
    clocks = {f"a{n}": WallClock(folder / f"a{n}.clock") for n in range(agents)}
    around = {name: clock.around for name, clock in clocks.items()}
    try:
        with (
            ChaosLine((broker.host, broker.port), seed=seed) as line,
            chain(folder, broker, agents=agents, rate=rate, seed=seed, agent_to=line.port, around=around) as whole,
        ):
            yield Scene(whole, line, clocks)
    finally:
        broker.kill()
