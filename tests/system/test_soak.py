"""Random chaos for SOAK_MINUTES (30): three agents of SOAK_RATE (20) events/s, faults of every kind, one table."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from brokers import Broker
from chain import Chain, Program, chain, wait_for
from chaos import DEAF, FINE, HALF_OPEN, ChaosLine, Weather
from rich.console import Console
from rich.table import Table
from tally import Fault, Tally, Vitals, table

MINUTES = float(os.environ.get("SOAK_MINUTES", "30"))
RATE = float(os.environ.get("SOAK_RATE", "20"))  # events a second and agent
SEED = int(os.environ.get("SOAK_SEED", "0")) or random.randrange(1, 1_000_000)
OUT = Path(__file__).parents[2] / "bench" / "out" / "soak.json"
DRAINED_WITHIN_S = 90.0
KILLING_SHARE = 0.7  # of the time; then the processes live on, and their memory is watched

Deed = Callable[[Chain, ChaosLine, random.Random], None]


def _kill_agent(whole: Chain, line: ChaosLine, dice: random.Random) -> None:
    _down(dice.choice(whole.agents), dice)


def _kill_server(whole: Chain, line: ChaosLine, dice: random.Random) -> None:
    _down(whole.server, dice)


def _kill_broker(whole: Chain, line: ChaosLine, dice: random.Random) -> None:
    whole.broker.kill()
    time.sleep(dice.uniform(0, 1.0))
    whole.broker.start()


def _kill_all(whole: Chain, line: ChaosLine, dice: random.Random) -> None:
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


def _freeze_agent(whole: Chain, line: ChaosLine, dice: random.Random) -> None:
    program = dice.choice(whole.agents)
    program.freeze()
    time.sleep(dice.uniform(0.5, 4))
    program.thaw()


def _freeze_server(whole: Chain, line: ChaosLine, dice: random.Random) -> None:
    whole.server.freeze()
    time.sleep(dice.uniform(0.5, 4))
    whole.server.thaw()


def _freeze_broker(whole: Chain, line: ChaosLine, dice: random.Random) -> None:
    whole.broker.freeze()
    time.sleep(dice.uniform(0.5, 4))
    whole.broker.thaw()


def _cut(whole: Chain, line: ChaosLine, dice: random.Random) -> None:
    line.cut()


def _bad(weather: Weather) -> Deed:
    def deed(whole: Chain, line: ChaosLine, dice: random.Random) -> None:
        line.set(weather)
        time.sleep(dice.uniform(0.5, 4))
        line.set(FINE)

    return deed


KILLS: Mapping[str, Deed] = {
    "kill -9 of an agent": _kill_agent,
    "kill -9 of the broker": _kill_broker,
    "kill -9 of the server": _kill_server,
    "kill -9 of everything": _kill_all,
}
BLOWS: Mapping[str, Deed] = {
    "an agent hangs": _freeze_agent,
    "the broker hangs": _freeze_broker,
    "the server hangs": _freeze_server,
    "connections cut": _cut,
    "line half open": _bad(HALF_OPEN),
    "line deaf one way": _bad(DEAF),
    "line slow by 1 s": _bad(Weather(delay_s=0.5, jitter_s=0.2)),
    "line with late packets": _bad(Weather(delay_s=0.05, hiccup=0.2)),
    "line refused": _bad(Weather(refuse=True)),
}


def _inject(kind: str, deed: Deed, whole: Chain, line: ChaosLine, dice: random.Random, tally: Tally) -> Fault:
    tally.look()
    before, began = len(tally.accepted), time.monotonic()
    deed(whole, line, dice)
    healed = time.monotonic()
    tally.look()
    due = frozenset(list(tally.accepted)[before:])
    everything = set(tally.accepted)
    wait_for(f"all is recorded after: {kind}", lambda: not (tally.look() & everything), DRAINED_WITHIN_S)
    return Fault(kind, healed - began, due, time.monotonic() - healed)


@pytest.mark.soak
@pytest.mark.timeout(int(MINUTES * 60 * 1.5) + 600)
def test_random_chaos_loses_and_doubles_nothing_and_leaks_nothing(mosquitto: Broker, tmp_path: Path) -> None:
    print(f"seed {SEED}, {MINUTES} minutes")
    dice = random.Random(SEED)
    with (
        ChaosLine((mosquitto.host, mosquitto.port), seed=SEED) as line,
        chain(tmp_path, mosquitto, agents=3, rate=RATE, seed=SEED, agent_to=line.port) as whole,
    ):
        tally = Tally(whole)
        wait_for("events flow", lambda: len(tally.look() | tally.recorded.keys()) > 10 and len(tally.recorded) > 10, 60)
        faults: list[Fault] = []
        began = time.monotonic()
        while time.monotonic() - began < MINUTES * 60 * KILLING_SHARE:
            kind, deed = dice.choice([*KILLS.items(), *BLOWS.items()])
            faults.append(_inject(kind, deed, whole, line, dice, tally))
            time.sleep(dice.uniform(0, 0.3))
        vitals = [Vitals(program.name, program.pid) for program in (*whole.agents, whole.server)]
        while time.monotonic() - began < MINUTES * 60:
            kind, deed = dice.choice([*BLOWS.items()])
            faults.append(_inject(kind, deed, whole, line, dice, tally))
            for each in vitals:
                each.sample(time.monotonic() - began)
        whole.quiet()
        wait_for("all is recorded", lambda: not tally.look(), DRAINED_WITHIN_S)
        _tell(faults, tally, vitals, time.monotonic() - began)
        assert whole.verdict().clean()
        assert all(agent.running() for agent in whole.agents)


def _tell(faults: Sequence[Fault], tally: Tally, vitals: Sequence[Vitals], seconds: float) -> None:
    rows, slopes = table(faults, tally), [each.slopes() for each in vitals if len(each.samples) > 5]
    OUT.parent.mkdir(exist_ok=True)
    figures = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": SEED,
        "minutes": round(seconds / 60, 1),
        "events_per_s_and_agent": RATE,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[1],
        "faults": len(faults),
        "accepted": len(tally.accepted),
        "lost": len(tally.look()),
        "duplicated": sum(n - 1 for n in tally.recorded.values() if n > 1),
        "kinds": rows,
        "processes": slopes,
    }
    OUT.write_text(json.dumps(figures, indent=1, ensure_ascii=False), encoding="utf-8")
    for title, lines in (("faults", rows), ("processes", slopes)):
        if not lines:
            continue
        shown = Table(*lines[0], title=title)
        for row in lines:
            shown.add_row(*(f"{v:.2f}" if isinstance(v, float) else str(v) for v in row.values()))
        Console(width=140).print(shown)
