"""2,000 samples a second through one whole agent, from a serial line to the broker: what arrives, and at what cost."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
import tty
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import psutil
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console
from rich.table import Table

from bench.nats import broker

POINTS, LINES_A_SECOND, SECONDS = 40, 50, 30


class Receiver:
    """Counts the readings that reach the broker, and what the agent says it dropped."""

    def __init__(self, port: int) -> None:
        self.count = self.dropped = 0
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.on_message = self._hear
        self.client.connect("127.0.0.1", port)
        self.client.subscribe("campus/1/bench/+/readings", 1)
        self.client.loop_start()

    def _hear(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        body: dict[str, Any] = json.loads(message.payload)
        self.count += len(body["readings"])
        self.dropped = int(body["dropped"])

    def close(self) -> None:
        """Leave the broker."""
        self.client.disconnect()
        self.client.loop_stop()


def main() -> None:
    """Measure, print one table, write JSON."""
    with tempfile.TemporaryDirectory() as name, broker(Path(name)) as port:
        figures = _run(Path(name), port)
    table = Table("figure", "value", title=f"{POINTS * LINES_A_SECOND} samples a second through one agent")
    for figure, value in figures.items():
        table.add_row(figure, f"{value:.4g}")
    Console().print(table)
    out = Path(__file__).parent / "out"
    out.mkdir(exist_ok=True)
    (out / "load.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")


def _run(folder: Path, port: int) -> dict[str, float]:
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    receiver = Receiver(port)
    command = [
        Path(sys.executable).parent / "campus-agent",
        "run",
        "--config",
        _config(folder, port, os.ttyname(theirs)),
    ]
    agent = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        time.sleep(5)
        process = psutil.Process(agent.pid)
        spent = process.cpu_times()
        sent = _speak(ours)
        time.sleep(3)
        used = process.cpu_times()
        return {
            "samples sent": sent,
            "samples at the broker": receiver.count,
            "dropped, as the agent says": receiver.dropped,
            "cpu, share of a core": (used.user + used.system - spent.user - spent.system) / SECONDS,
            "memory MB": process.memory_info().rss / 1e6,
        }
    finally:
        agent.terminate()
        agent.wait(10)
        receiver.close()
        os.close(ours)
        os.close(theirs)


def _speak(fd: int) -> int:
    """Write lines evenly; return how many samples went out whole."""
    stop, began, sent = threading.Event(), time.monotonic(), 0
    for number in range(LINES_A_SECOND * SECONDS):
        stop.wait(max(0.0, began + number / LINES_A_SECOND - time.monotonic()))
        values = {f"k{i}": round(20 + 3 * math.sin(number / 40 + i), 2) for i in range(POINTS)}
        os.write(fd, json.dumps(values).encode() + b"\n")
        sent += POINTS
    return sent


def _config(folder: Path, port: int, serial: str) -> Path:
    file = folder / "agent.toml"
    points = "".join(
        f'[[bus.point]]\nid = "p-{i}"\nname = "p {i}"\nkind = "temperature"\nkey = "k{i}"\nrule = {{ high = 60 }}\n'
        for i in range(POINTS)
    )
    file.write_text(
        f'site = "bench"\nagent = "pi-1"\nname = "bench"\n[mqtt]\nport = {port}\n'
        f'[outbox]\ndirectory = "{folder / "box"}"\n'
        f'[[bus]]\ntype = "serial-text"\nname = "line"\nport = "{serial}"\nformat = "json"\n{points}',
        encoding="utf-8",
    )
    return file
