"""The agent without cameras: memory, idle CPU, time to the first value, and what one event costs on the disk."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as paho
import psutil
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console
from rich.table import Table
from uuid_utils import uuid7

from agent.outbox import Outbox
from agent.store import Entry
from bench.nats import broker
from config.agent import OutboxSection
from contracts.messages import Event, Stamp
from contracts.vocabulary import Severity

_POINTS = 20
_IDLE_S = 30.0
_STARTS = 5
_EVENTS = 2000
_WATCHED_S = 60.0
_A_DAY = 3000  # events: a hundred points, each coming and going fifteen times
_BUDGET_MB = 50.0  # a day, of an SD card


def main() -> None:
    """Measure, print one table, write JSON."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with broker(folder) as port:
            figures = {**_starts(folder, port), **_idle(folder, port), **_disk(folder), **_a_day(folder, port)}
    table = Table("figure", "value", title=f"agent, {_POINTS} points at 1 Hz, no camera")
    for figure, value in figures.items():
        table.add_row(figure, f"{value:.3g}")
    Console().print(table)
    (Path(__file__).parent / "out").mkdir(exist_ok=True)
    (Path(__file__).parent / "out" / "agent.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")


def _config(folder: Path, port: int, box: str, more: str = "") -> Path:
    points = more + "".join(
        f'[[bus.point]]\nid = "p-{n}"\nname = "p {n}"\nkind = "temperature"\nswing = 2\nmiddle = 20\n'
        for n in range(_POINTS)
    )
    file = folder / "agent.toml"
    file.write_text(
        f'site = "bench"\nagent = "pi-1"\nname = "bench"\n[mqtt]\nport = {port}\n'
        f'[outbox]\ndirectory = "{folder / box}"\n[[bus]]\ntype = "simulated"\nname = "s"\ninterval_s = 1.0\n{points}',
        encoding="utf-8",
    )
    return file


def _start(file: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [Path(sys.executable).parent / "campus-agent", "run", "--config", file], stderr=subprocess.DEVNULL
    )


class _Server:
    """Answers every entry and heartbeat, and notes when the first value came."""

    def __init__(self, port: int) -> None:
        self.first_value = threading.Event()
        self.events = 0
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.on_message = self._hear
        self.client.connect("127.0.0.1", port)
        self.client.subscribe("campus/1/bench/+/+", 1)
        self.client.loop_start()

    def _hear(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        root, _, kind = message.topic.rpartition("/")
        if kind == "readings":
            self.first_value.set()
        elif kind in {"events", "heartbeat"}:
            body = json.loads(message.payload)
            self.events += kind == "events"
            answer = (
                {"heartbeat": body["n"]} if kind == "heartbeat" else {"epoch": body["epoch"], "seqs": [body["seq"]]}
            )
            self.client.publish(f"{root}/receipt", json.dumps(answer), 1)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def _starts(folder: Path, port: int) -> dict[str, float]:
    """Seconds from the start of the process to its first value at a subscriber."""
    times: list[float] = []
    for n in range(_STARTS):
        server = _Server(port)
        time.sleep(0.3)
        began = time.monotonic()
        agent = _start(_config(folder, port, f"box-{n}"))
        server.first_value.wait(20)
        times.append(time.monotonic() - began)
        agent.terminate()
        agent.wait(10)
        server.close()
    return {"first value after start, median (s)": statistics.median(times), "worst (s)": max(times)}


def _idle(folder: Path, port: int) -> dict[str, float]:
    """Resident memory and CPU while nothing happens but readings."""
    server = _Server(port)
    agent = _start(_config(folder, port, "idle"))
    server.first_value.wait(20)
    time.sleep(3)
    process = psutil.Process(agent.pid)
    before, began = process.cpu_times(), time.monotonic()
    time.sleep(_IDLE_S)
    after, took = process.cpu_times(), time.monotonic() - began
    memory = process.memory_info().rss / (1 << 20)
    stopping = time.monotonic()
    agent.terminate()
    agent.wait(10)
    stopped = time.monotonic() - stopping
    server.close()
    cpu = 100 * (after.user + after.system - before.user - before.system) / took
    return {"resident memory (MB)": memory, "idle CPU (% of one core)": cpu, "SIGTERM to exit (s)": stopped}


def _event() -> Event:
    stamp = Stamp(at=datetime.now(tz=UTC), boot_id="bench", mono_s=time.monotonic())
    return Event(
        id=str(uuid7()),
        epoch="unnumbered",
        seq=1,
        stamp=stamp,
        point="p-1",
        kind="heat",
        active=True,
        severity=Severity.CRITICAL,
        reason="fixed-limit",
    )


def _disk(folder: Path) -> dict[str, float]:
    """One event in the outbox against one bare fsync of 200 bytes on the same disk."""

    def no_fault(**_: object) -> Entry:
        return _event()

    outbox = Outbox(OutboxSection(directory=folder / "disk", reserve_mb=0), no_fault)
    outbox.open()
    stop = threading.Event()
    writer = threading.Thread(target=outbox.run, args=(lambda: None, stop), daemon=True)
    writer.start()
    events = [_event() for _ in range(_EVENTS)]
    written = _written()
    alone, bare_times = _in_turn(outbox.add, events[: _EVENTS // 4], folder / "bare")
    bare = statistics.median(bare_times)
    bytes_alone = (_written() - written) / len(alone)
    began = time.monotonic()
    futures: list[Future[Entry]] = [outbox.submit(event) for event in events]
    for future in futures:
        future.result(30)
    grouped = (time.monotonic() - began) / len(events)
    stop.set()
    outbox.interrupt()
    writer.join(10)
    outbox.close()
    p50 = statistics.median(alone)
    return {
        "bare fsync, p50 (ms)": bare * 1000,
        "event alone, p50 (ms)": p50 * 1000,
        "event alone, p99 (ms)": sorted(alone)[int(len(alone) * 0.99)] * 1000,
        "event alone / bare fsync": p50 / bare,
        "event grouped (ms)": grouped * 1000,
        "event grouped / bare fsync": grouped / bare,
        "written per lone event (KB)": bytes_alone / 1024,
    }


_ALARM = """[[bus.point]]
id = "alarm"
name = "a"
kind = "level"
middle = 20
swing = 10
period_s = 4.0
rule.high = 20
"""


def _a_day(folder: Path, port: int) -> dict[str, float]:
    """What a running agent writes for an event that comes alone, with its receipt and all else it keeps."""
    server = _Server(port)
    agent = _start(_config(folder, port, "day", _ALARM))
    server.first_value.wait(20)
    time.sleep(5)
    process = psutil.Process(agent.pid)
    before, known = process.io_counters().write_bytes, server.events
    time.sleep(_WATCHED_S)
    each = (process.io_counters().write_bytes - before) / (server.events - known)
    agent.terminate()
    agent.wait(10)
    server.close()
    return {
        "written by the agent per lone event and receipt (KB)": each / 1024,
        f"MB a day at {_A_DAY} lone events": _A_DAY * each / 2**20,
        f"lone events a day within {_BUDGET_MB:.0f} MB": _BUDGET_MB * 2**20 / each,
    }


def _in_turn(call: Callable[[Event], object], events: list[Event], file: Path) -> tuple[list[float], list[float]]:
    """Seconds of each call and, in turn with it, of a bare fsync: other users of the disk disturb both alike."""
    times: list[float] = []
    bare: list[float] = []
    with file.open("wb") as handle:
        for event in events:
            began = time.monotonic()
            handle.write(b"x" * 200)
            handle.flush()
            os.fdatasync(handle.fileno())
            between = time.monotonic()
            call(event)
            times.append(time.monotonic() - between)
            bare.append(between - began)
    return times, bare


def _written() -> int:
    """Bytes this process wrote, by the kernel's count."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(dict(line.split(": ") for line in lines)["wchar"])


if __name__ == "__main__":
    main()
