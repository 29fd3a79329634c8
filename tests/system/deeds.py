"""Faults done to a whole chain, each for a moment of random length: killed, frozen, cut off, told the wrong time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chain import Chain
from chaos import DEAF, FINE, HALF_OPEN, ChaosLine, Weather
from program import Program
from wall_clock import WallClock

DAY_S = 86_400
LONGEST_S = 4.0


@dataclass(frozen=True, slots=True)
class Scene:
    """What faults are done to: a chain, the line of its agents, and each agent's wall clock."""

    whole: Chain
    line: ChaosLine
    clocks: Mapping[str, WallClock]


Deed = Callable[[Scene, random.Random], None]


def _kill_agent(scene: Scene, dice: random.Random) -> None:
    _down(dice.choice(scene.whole.agents), dice)


def _kill_server(scene: Scene, dice: random.Random) -> None:
    _down(scene.whole.server, dice)


def _kill_broker(scene: Scene, dice: random.Random) -> None:
    scene.whole.broker.kill()
    time.sleep(dice.uniform(0, 1.0))
    scene.whole.broker.start()


def _kill_all(scene: Scene, dice: random.Random) -> None:
    whole = scene.whole
    for program in (whole.server, *whole.agents):
        program.kill()
    whole.broker.kill()
    time.sleep(dice.uniform(0, 1.0))
    starts = [whole.broker.start, whole.server.start, *(agent.start for agent in whole.agents)]
    dice.shuffle(starts)
    for start in starts:
        start()


def _down(program: Program, dice: random.Random) -> None:
    program.kill()
    time.sleep(dice.uniform(0, 1.0))
    program.start()


def _freeze_agent(scene: Scene, dice: random.Random) -> None:
    _hang(dice.choice(scene.whole.agents), dice)


def _freeze_server(scene: Scene, dice: random.Random) -> None:
    _hang(scene.whole.server, dice)


def _hang(program: Program, dice: random.Random) -> None:
    program.freeze()
    time.sleep(dice.uniform(0.5, LONGEST_S))
    program.thaw()


def _freeze_broker(scene: Scene, dice: random.Random) -> None:
    scene.whole.broker.freeze()
    time.sleep(dice.uniform(0.5, LONGEST_S))
    scene.whole.broker.thaw()


def _pull_cable(scene: Scene, dice: random.Random) -> None:
    cable = dice.choice(scene.whole.cables)
    cable.pull()
    time.sleep(dice.uniform(0, 1.5))
    cable.plug()


def _speak_nonsense(scene: Scene, dice: random.Random) -> None:
    dice.choice(scene.whole.devices).say(dice.randbytes(dice.randrange(1, 2000)))


def _jump(scene: Scene, dice: random.Random) -> None:
    clock = dice.choice([*scene.clocks.values()])
    clock.set(dice.choice([-time.time() + 60, 400 * DAY_S, -3600, 3600, 37]))
    time.sleep(dice.uniform(0.5, LONGEST_S))
    clock.set(0)


def _jitter(scene: Scene, dice: random.Random) -> None:
    clock = dice.choice([*scene.clocks.values()])
    for _ in range(20):
        clock.set(dice.uniform(-1, 1))
        time.sleep(0.1)
    clock.set(0)


def _cut(scene: Scene, dice: random.Random) -> None:
    scene.line.cut()


def _bad(weather: Weather) -> Deed:
    def deed(scene: Scene, dice: random.Random) -> None:
        scene.line.set(weather)
        time.sleep(dice.uniform(0.5, LONGEST_S))
        scene.line.set(FINE)

    return deed


KILLS: Mapping[str, Deed] = {
    "kill -9 of an agent": _kill_agent,
    "kill -9 of the broker": _kill_broker,
    "kill -9 of the server": _kill_server,
    "kill -9 of everything": _kill_all,
}
HANGS: Mapping[str, Deed] = {
    "an agent hangs": _freeze_agent,
    "the broker hangs": _freeze_broker,
    "the server hangs": _freeze_server,
    "serial cable pulled": _pull_cable,
    "nonsense on the serial line": _speak_nonsense,
    "an agent's clock jumps": _jump,
    "an agent's clock jitters by 1 s": _jitter,
}
LINES: Mapping[str, Deed] = {
    "connections cut": _cut,
    "line half open": _bad(HALF_OPEN),
    "line deaf one way": _bad(DEAF),
    "line slow by 1 s": _bad(Weather(delay_s=0.5, jitter_s=0.2)),
    "line with late packets": _bad(Weather(delay_s=0.05, hiccup=0.2)),
    "line refused": _bad(Weather(refuse=True)),
    "line cut every half second": _bad(Weather(cut_every_s=0.5)),
}
