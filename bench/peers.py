"""The agent beside what else reads Modbus and speaks MQTT: delay, cost, short pulses, and what is lost in an outage.

All read the same register of the same device every 100 ms and talk to the same mosquitto. The others publish the value;
the agent publishes an event, which it has written to its disk before. `python -m bench.peers` takes about ten minutes;
`python -m bench.peers delay` (or `pulses`, `lost`) measures one part and keeps the figures of the others.
"""

from __future__ import annotations

import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from bench.modbus_board import Board
from bench.peer_programs import REGISTER, NodeRed, Ours, Peer, ThingsBoard
from bench.peer_wire import Broker, Ear

POLL_MS, FAST_POLL_MS = 100, 20
CHANGES, PULSES, IDLE_S, OUTAGE_S = 60, 40, 15.0, 15.0
PATIENCE_S = 60.0
Figures = dict[str, float | str]


class Bench:
    """One peer with its device, its broker and an ear."""

    def __init__(self, peer: Peer, folder: Path, board: Board, poll_ms: int) -> None:
        self.peer, self.board, self.poll_ms = peer, board, poll_ms
        self._folder = folder
        self.broker = Broker(folder)
        self.process: subprocess.Popen[bytes] | None = None
        self.ear: Ear | None = None

    def hear(self) -> Ear:
        """Start the broker where it is away, and listen."""
        self.broker.start()
        self.ear = self.ear or Ear(self.peer, self.broker.port)
        if not self.ear.here.wait(PATIENCE_S):
            raise RuntimeError("mosquitto did not start")
        return self.ear

    def start(self) -> float:
        """Start the program; return the monotonic second."""
        how = self.peer.start(self._folder, self.board.port, self.broker.port, self.poll_ms)
        began = time.monotonic()
        with (self._folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                how.command, cwd=how.cwd, env={**os.environ, **how.env}, stdout=log, stderr=log
            )
        return began

    def end(self, how: signal.Signals) -> None:
        """Send a signal and wait for the end."""
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)

    def close(self) -> None:
        """End everything."""
        self.end(signal.SIGKILL)
        if self.ear is not None:
            self.ear.close()
        self.broker.kill()

    def change(self) -> int:
        """Count the register up; return the count."""
        count = self.board.registers[REGISTER] + 1
        self.board.registers[REGISTER] = count
        return count


@contextmanager
def bench(peer: Peer, poll_ms: int = POLL_MS) -> Generator[Bench]:
    """Set everything up for one peer, and running."""
    with tempfile.TemporaryDirectory() as name, Board() as board:
        here = Bench(peer, Path(name), board, poll_ms)
        try:
            here.hear()
            yield here
        finally:
            here.close()


def settled(here: Bench) -> Ear:
    """Wait until a change comes through."""
    ear = here.hear() if here.ear is None else here.ear
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if ear.wait(here.peer.shown(here.change()), 3) is not None:
            return ear
    raise RuntimeError(f"{here.peer.name}: nothing comes through")


def delay_and_cost(here: Bench) -> Figures:
    """First value, memory and CPU at rest, delay of single changes."""
    began = here.start()
    ear = settled(here)
    first = min(at for _, at in ear.said.values()) - began
    time.sleep(5)
    processes = [psutil.Process(here.process.pid)] if here.process else []
    processes += [child for process in processes for child in process.children(recursive=True)]
    before = sum(sum(process.cpu_times()[:2]) for process in processes)
    time.sleep(IDLE_S)
    used = sum(sum(process.cpu_times()[:2]) for process in processes) - before
    memory = sum(process.memory_info().rss for process in processes) / 1e6
    dice, delays = random.Random(4711), list[float]()
    for _ in range(CHANGES):
        time.sleep(dice.uniform(0.25, 0.5))
        at = time.monotonic()
        heard = ear.wait(here.peer.shown(here.change()), 5)
        delays.append(1e3 * (heard - at) if heard is not None else 5e3)
    return {
        "first value (s)": first,
        "memory (MB)": memory,
        "CPU at rest (% of a core)": 100 * used / IDLE_S,
        "change to MQTT, p50 (ms)": statistics.median(delays),
        "change to MQTT, p99 (ms)": sorted(delays)[int(0.99 * len(delays))],
    }


def pulses(here: Bench) -> int:
    """Raise the register for 50 ms at random times; return how many of the pulses were seen."""
    here.start()
    ear = settled(here)
    time.sleep(2)
    low = here.board.registers[REGISTER] & ~1
    here.board.registers[REGISTER] = low
    ear.wait(here.peer.shown(low), 5)
    time.sleep(1)
    dice, seen = random.Random(4711), 0
    up = here.peer.shown(low + 1)
    for _ in range(PULSES):
        time.sleep(dice.uniform(0.2, 0.4))
        since = time.monotonic()
        here.board.registers[REGISTER] = low + 1
        time.sleep(0.05)
        here.board.registers[REGISTER] = low
        seen += _rose(ear, up, since)
    return seen


def _rose(ear: Ear, up: int, since: float) -> bool:
    """Wait for the pulse to be told; one that was missed costs half a second."""
    deadline = time.monotonic() + 0.5
    while time.monotonic() < deadline:
        last = ear.last
        if last is not None and last[1] > since and last[0] == up:
            ear.wait(up - 1, 2)
            return True
        time.sleep(0.002)
    return False


def lost(here: Bench, how: signal.Signals) -> str:
    """Take the broker away for 15 s of changes, end the program so, put both back: how many changes never arrive."""
    here.start()
    ear = settled(here)
    time.sleep(2)
    ear.said.clear()
    first = here.board.registers[REGISTER] + 1
    here.broker.kill()
    ends = time.monotonic() + OUTAGE_S
    while time.monotonic() < ends:
        here.change()
        time.sleep(0.4)
    time.sleep(1)
    made = here.board.registers[REGISTER] - first + 1
    here.end(how)
    here.hear()
    here.start()
    deadline = time.monotonic() + PATIENCE_S / 2
    while time.monotonic() < deadline and _arrived(here, first, made) < made:
        time.sleep(0.5)
    time.sleep(2)
    return f"{made - _arrived(here, first, made)} of {made}"


def _arrived(here: Bench, first: int, made: int) -> int:
    said = dict(here.ear.said) if here.ear else {}
    if here.peer.shown(2) == 2:  # it publishes the count itself
        return len({shows for shows, _ in said.values() if first <= shows < first + made})
    # Numbered events that say yes and no by turns: what repeats the one before is the state after a new start.
    shows = [here.peer.shown(first - 1), *(said[key][0] for key in sorted(said, key=lambda key: int(key.split()[-1])))]
    return min(sum(one != other for one, other in pairwise(shows)), made)


def delay(peer: Peer) -> Figures:
    """Start, cost and delay."""
    with bench(peer) as here:
        return delay_and_cost(here)


def short_pulses(peer: Peer) -> Figures:
    """Pulses at two polls."""
    figures: Figures = {}
    for poll_ms in (POLL_MS, FAST_POLL_MS):
        with bench(peer, poll_ms) as here:
            figures[f"pulses of 50 ms seen, polled each {poll_ms} ms"] = f"{pulses(here)} of {PULSES}"
    return figures


def losses(peer: Peer) -> Figures:
    """An outage and two ways to end."""
    figures: Figures = {}
    for how in (signal.SIGTERM, signal.SIGKILL):
        with bench(peer) as here:
            figures[f"lost: 15 s outage, then {how.name}"] = lost(here, how)
    return figures


PARTS: Mapping[str, Callable[[Peer], Figures]] = {"delay": delay, "pulses": short_pulses, "lost": losses}


def measure(peer: Peer, parts: Sequence[str]) -> Figures:
    """Return the figures of one peer; of a second storage of the same program only what differs."""
    figures: Figures = {}
    for part in parts:
        if part == "lost" or peer.name != "thingsboard-gateway, sqlite":
            figures |= PARTS[part](peer)
    return figures


def main() -> None:
    """Measure all, print one table with a column a peer, write JSON."""
    run(list(PARTS))


def run(parts: Sequence[str]) -> None:
    """Measure some parts; keep what was measured of the others."""
    console, out = Console(), Path(__file__).parent / "out" / "peers.json"
    every: dict[str, Figures] = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    for peer in (Ours(), ThingsBoard("memory"), ThingsBoard("sqlite"), NodeRed()):
        missing = peer.install()
        if missing:
            every[peer.name] = {"not measured": missing[:60]}
            console.print(f"{peer.name}: cannot be installed here: {missing}")
            continue
        every[peer.name] = every.get(peer.name, {}) | _tried(peer.name, lambda peer=peer: measure(peer, parts))
    rows = list(dict.fromkeys(name for figures in every.values() for name in figures))
    table = Table("figure", *every, title="the same register, the same broker")
    for row in rows:
        table.add_row(row, *(_told(figures.get(row)) for figures in every.values()))
    console.print(table)
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(every, indent=1), encoding="utf-8")


def _tried(name: str, run: Callable[[], Figures]) -> Figures:
    try:
        return run()
    except (OSError, RuntimeError, psutil.Error) as e:
        sys.stderr.write(f"{name}: {e}\n")
        return {"not measured": str(e)[:60]}


def _told(figure: float | str | None) -> str:
    return "" if figure is None else figure if isinstance(figure, str) else f"{figure:.3g}"


if __name__ == "__main__":
    run(sys.argv[1:] or list(PARTS))
