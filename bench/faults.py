"""An agent after an outage: how late alarms are behind 100,000 queued events, how fast those drain."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as paho
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

_BACKLOG = 100_000
_OLD = "an-earlier-boot"
_WATCHED_S = 60.0


def main() -> None:
    """Measure, print one table, write JSON."""
    with tempfile.TemporaryDirectory() as name, broker(folder := Path(name)) as port:
        figures = {"queued events": float(_BACKLOG), **_fill(folder / "box"), **_drain(folder, port)}
    table = Table("figure", "value", title="an agent after an outage")
    for figure, value in figures.items():
        table.add_row(figure, f"{value:.4g}")
    Console().print(table)
    (Path(__file__).parent / "out" / "faults.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")


def _old_event(number: int) -> Event:
    stamp = Stamp(at=datetime.now(UTC), boot_id=_OLD, mono_s=float(number))
    return Event(
        id=str(uuid7()), epoch="unnumbered", seq=1, stamp=stamp, point=f"p-{number % 50}", kind="temperature",
        active=False, severity=Severity.ADVISORY, reason="backlog",
    )  # fmt: skip


def _fill(box: Path) -> dict[str, float]:
    def no_fault(**_: object) -> Entry:
        return _old_event(0)

    outbox = Outbox(OutboxSection(directory=box, reserve_mb=0), no_fault)
    outbox.open()
    stop = threading.Event()
    writer = threading.Thread(target=outbox.run, args=(lambda: None, stop), daemon=True)
    writer.start()
    began = time.monotonic()
    for start in range(0, _BACKLOG, 5000):
        for done in [outbox.submit(_old_event(n)) for n in range(start, start + 5000)]:
            done.result(60)
    took = time.monotonic() - began
    stop.set()
    outbox.interrupt()
    writer.join(30)
    outbox.close()
    return {"accepted by the outbox, events/s": _BACKLOG / took}


class _Server:
    """Gives receipts; notes how late each fresh event is and how many old ones came."""

    def __init__(self, port: int) -> None:
        self.delays_s: list[float] = []
        self.old: set[int] = set()
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.on_message = self._hear
        self.client.connect("127.0.0.1", port)
        self.client.subscribe("campus/1/bench/+/+", 1)
        self.client.loop_start()

    def _hear(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        root, _, kind = message.topic.rpartition("/")
        if kind not in {"events", "heartbeat"}:
            return
        body = json.loads(message.payload)
        answer = {"heartbeat": body["n"]} if kind == "heartbeat" else {"epoch": body["epoch"], "seqs": [body["seq"]]}
        self.client.publish(f"{root}/receipt", json.dumps(answer), 0)
        if kind == "events" and body["stamp"]["boot_id"] == _OLD:
            self.old.add(body["seq"])
        elif kind == "events" and body["active"] and body["kind"] != "fault":
            self.delays_s.append(time.monotonic() - body["stamp"]["mono_s"])

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def _drain(folder: Path, port: int) -> dict[str, float]:
    file = folder / "agent.toml"
    file.write_text(
        f'site = "bench"\nagent = "pi-1"\nname = "bench"\n[mqtt]\nport = {port}\n'
        f'[outbox]\ndirectory = "{folder / "box"}"\n[[bus]]\ntype = "simulated"\nname = "s"\ninterval_s = 0.05\n'
        '[[bus.point]]\nid = "alarm"\nname = "a"\nkind = "level"\nmiddle = 20\nswing = 10\nperiod_s = 1.0\n'
        "rule.high = 20\n",
        encoding="utf-8",
    )
    command = [Path(sys.executable).parent / "campus-agent", "run", "--config", str(file)]
    server = _Server(port)
    began = time.monotonic()
    agent = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while not server.old and time.monotonic() - began < _WATCHED_S:
        time.sleep(0.01)
    first, since = len(server.old), time.monotonic()
    while len(server.old) < _BACKLOG and time.monotonic() - since < _WATCHED_S:
        time.sleep(0.05)
    rate = (len(server.old) - first) / (time.monotonic() - since)
    left = _BACKLOG - len(server.old)
    behind = sorted(server.delays_s)
    agent.kill()
    agent.wait(10)
    known, killed = len(server.delays_s), time.monotonic()
    agent = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while len(server.delays_s) == known and time.monotonic() - killed < _WATCHED_S:
        time.sleep(0.01)
    back = time.monotonic() - killed
    agent.terminate()
    agent.wait(10)
    server.close()
    return {
        "fresh alarms measured": float(len(behind)),
        "fresh alarm behind the backlog, p50 (ms)": 1000 * statistics.median(behind),
        "fresh alarm behind the backlog, p99 (ms)": 1000 * behind[int(len(behind) * 0.99)],
        "fresh alarm behind the backlog, worst (ms)": 1000 * behind[-1],
        "drained, events/s": rate,
        "left when the minute was over": float(left),
        "first alarm after kill -9 and start (s)": back,
    }


if __name__ == "__main__":
    main()
