"""Four cameras beside the sensors: what an alarm's way to the broker takes with them and without, and what they cost.

One agent, eight made-up contacts polled every 50 ms, a local mosquitto. The cameras play clips at their own rate of ten
pictures a second, in motion mode with a line or a zone each. Turns without and with cameras alternate: neighbours then
disturb both. `CAMERAS_SECONDS=25` a turn, `CAMERAS_TURNS=2` of each.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import psutil
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console
from rich.table import Table

from bench.brokers import kind_of
from bench.crossings import VIDEO, flat

SECONDS, TURNS = float(os.environ.get("CAMERAS_SECONDS", "25")), int(os.environ.get("CAMERAS_TURNS", "2"))
WARM_UP_S = 8.0
CAMERAS = 4
PERIODS_S = (1.03, 1.13, 1.27, 1.37, 1.51, 1.61, 1.73, 1.87)  # in step with nothing


@dataclass(slots=True)
class Turn:
    """What was heard and spent, with cameras or without."""

    since_sample_ms: list[float] = field(default_factory=list[float])
    since_change_ms: list[float] = field(default_factory=list[float])
    pictures_per_s: list[float] = field(default_factory=list[float])
    agent_cpu: list[float] = field(default_factory=list[float])  # shares of a core
    camera_cpu: list[float] = field(default_factory=list[float])
    camera_mb: list[float] = field(default_factory=list[float])


class Server:
    """Stands in for the server: receipts for all, and when each contact's event arrived."""

    def __init__(self, port: int, turn: Turn) -> None:
        self._turn = turn
        self.noting = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.on_message = self._hear
        self.client.connect("127.0.0.1", port)
        self.client.subscribe("campus/1/bench/+/+", 1)
        self.client.loop_start()

    def _hear(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        arrived_s = time.monotonic()
        root, _, kind = message.topic.rpartition("/")
        if kind not in {"events", "heartbeat", "readings"}:
            return
        body: dict[str, Any] = json.loads(message.payload)
        if kind == "readings":
            self._note_rates(body["readings"])
            return
        said = {"heartbeat": body["n"]} if kind == "heartbeat" else {"epoch": body["epoch"], "seqs": [body["seq"]]}
        self.client.publish(f"{root}/receipt", json.dumps(said), 1)
        if kind == "events" and body.get("kind") == "door" and self.noting.is_set():
            half_s, sampled_s = PERIODS_S[int(body["point"].removeprefix("p-"))] / 2, float(body["stamp"]["mono_s"])
            changed_s = math.floor(sampled_s / half_s) * half_s  # the contact's wave passes through its middle here
            self._turn.since_sample_ms.append(1000 * (arrived_s - sampled_s))
            self._turn.since_change_ms.append(1000 * (arrived_s - changed_s))

    def _note_rates(self, readings: Sequence[Mapping[str, Any]]) -> None:
        if self.noting.is_set():
            self._turn.pictures_per_s += [
                float(reading["value"]) for reading in readings if reading["point"].startswith("camera-")
            ]

    def close(self) -> None:
        """Leave the broker."""
        self.client.disconnect()
        self.client.loop_stop()


def config(folder: Path, port: int, *, cameras: bool) -> Path:
    """Write the agent's configuration."""
    points = "".join(
        f'[[bus.point]]\nid = "p-{n}"\nname = "p {n}"\nkind = "contact"\nswing = 1\nperiod_s = {period}\n'
        "rule = { on_delay_s = 0, chatter = 0 }\n"
        for n, period in enumerate(PERIODS_S)
    )
    clips = json.loads((VIDEO / "truth.json").read_text(encoding="utf-8"))
    counted = next(clip for clip in clips if clip["file"] == "count_vtest.avi" and clip["line"])
    watched = next(clip for clip in clips if clip["file"] == "zone_indoor_onebyone.mp4")
    shapes = (
        (counted, f'[[camera.line]]\nid = "l-{{0}}"\nname = "l"\nline = {list(flat(counted["line"]))}\n'),
        (watched, f'[[camera.zone]]\nid = "z-{{0}}"\nname = "z"\nzone = {list(flat(watched["polygon"]))}\n'),
    )
    seen = "".join(
        f'[[camera]]\nid = "camera-{n}"\nname = "c {n}"\nsource = "{VIDEO / clip["file"]}"\n{shape.format(n)}'
        for n in range(CAMERAS if cameras else 0)
        for clip, shape in [shapes[n % 2]]
    )
    file = folder / "agent.toml"
    file.write_text(
        f'site = "bench"\nagent = "pi-1"\nname = "bench"\n[mqtt]\nport = {port}\n'
        f'[outbox]\ndirectory = "{folder / "box"}"\n'
        f'[[bus]]\ntype = "simulated"\nname = "s"\ninterval_s = 0.05\n{points}{seen}',
        encoding="utf-8",
    )
    return file


def run(turn: Turn, *, cameras: bool) -> None:
    """Let one agent run for a turn."""
    with tempfile.TemporaryDirectory() as name, kind_of("mosquitto", Path(name)) as broker:
        server = Server(broker.ports[0], turn)
        command = [Path(sys.executable).parent / "campus-agent", "run", "--config"]
        agent = subprocess.Popen([*command, config(Path(name), broker.ports[0], cameras=cameras)], stderr=-3)
        try:
            time.sleep(WARM_UP_S)
            whole = psutil.Process(agent.pid)
            children = whole.children()
            before = [_spent_s(process) for process in (whole, *children)]
            began = time.monotonic()
            server.noting.set()
            time.sleep(SECONDS)
            server.noting.clear()
            took = time.monotonic() - began
            shares = [
                (_spent_s(process) - spent) / took for process, spent in zip((whole, *children), before, strict=True)
            ]
            turn.agent_cpu.append(shares[0])
            turn.camera_cpu += shares[1:]
            turn.camera_mb += [process.memory_info().rss / 1e6 for process in children]
        finally:
            agent.terminate()
            agent.wait(20)
            server.close()


def _spent_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def main() -> None:
    """Print the table and write bench/out/cameras.json."""
    if not VIDEO.is_dir():
        sys.exit("cameras: ../shared/data/video is not on this machine")
    without, beside = Turn(), Turn()
    for _ in range(TURNS):
        run(without, cameras=False)
        run(beside, cameras=True)
    figures: dict[str, float] = {"events without": len(without.since_sample_ms), "with": len(beside.since_sample_ms)}
    table = Table("figure", "without", f"{CAMERAS} cameras", "ratio", title=f"{TURNS} turns of {SECONDS:.0f} s each")
    for name, a, b in (
        ("sample to subscriber", without.since_sample_ms, beside.since_sample_ms),
        ("change to subscriber", without.since_change_ms, beside.since_change_ms),
    ):
        for word, share in (("p50", 0.5), ("p99", 0.99), ("worst", 1.0)):
            x, y = percentile(a, share), percentile(b, share)
            figures |= {f"{name} {word} ms, without": x, f"{name} {word} ms, with": y}
            table.add_row(f"{name}, {word}, ms", f"{x:.1f}", f"{y:.1f}", f"{y / x:.2f}")
    table.add_row("events", str(len(without.since_sample_ms)), str(len(beside.since_sample_ms)), "")
    for name, a, b, factor in (
        ("agent, % of a core", without.agent_cpu, beside.agent_cpu, 100),
        ("a camera's process, % of a core", [], beside.camera_cpu, 100),
        ("a camera's process, MB", [], beside.camera_mb, 1),
        ("pictures a second", [], beside.pictures_per_s, 1),
    ):
        shown = [f"{factor * min(v):.1f} to {factor * max(v):.1f}" if v else "" for v in (a, b)]
        figures |= {
            f"{name}, most": factor * max(b, default=math.nan),
            f"{name}, least": factor * min(b, default=math.nan),
        }
        table.add_row(name, *shown, "")
    Console(width=120).print(table)
    out = Path(__file__).parent / "out"
    out.mkdir(exist_ok=True)
    (out / "cameras.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
