"""An honest agent's alarms while another floods at a hundred times its rate: publish to receipt, quiet and flooded.

Each round has another flooder, so that none is kept off yet when its phase begins.
"""

from __future__ import annotations

import json
import multiprocessing
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.synchronize import Event as Flag
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console
from rich.table import Table

from bench.nats import free_port
from bench.row import Row
from contracts.messages import Event, Receipt, Stamp
from contracts.topics import Kind, Topic
from contracts.vocabulary import Clock, Severity
from server.broker_users import enroll

ROOT = Path(__file__).parent.parent
OUT = Path(__file__).parent / "out"
RATE, TIMES, PHASE_S, ROUNDS = 10.0, 100, 12.0, 4


@dataclass
class Sender:
    """An agent on the wire that times its receipts. It never sends again: what is refused stays unanswered."""

    port: int
    name: str
    password: str
    sent_s: dict[int, float] = field(default_factory=dict[int, float])
    took_s: list[float] = field(default_factory=list[float])
    last_seq: int = 0

    def __post_init__(self) -> None:
        self.epoch, self.boot = str(uuid.uuid4()), str(uuid.uuid4())
        self.ready = threading.Event()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"no1-{self.name}-{self.epoch}")
        self.client.username_pw_set(f"no1.{self.name}", self.password)
        self.client.max_inflight_messages_set(2000)
        self.client.on_message = self._on_message
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = self._on_subscribe
        self.client.connect("127.0.0.1", self.port)
        self.client.loop_start()

    def send(self) -> None:
        """Publish one alarm that begins, or ends."""
        self.last_seq += 1
        at = Stamp(at=datetime.now(UTC), boot_id=self.boot, mono_s=time.monotonic(), clock=Clock.SYNCED)
        event = Event(
            id=str(uuid.uuid4()), epoch=self.epoch, seq=self.last_seq, stamp=at, point=f"p{self.last_seq // 2 % 40}",
            kind="smoke", active=self.last_seq % 2 == 1, severity=Severity.CRITICAL, reason="bench",
        )  # fmt: skip
        self.sent_s[self.last_seq] = time.monotonic()
        self.client.publish(str(Topic("no1", self.name, Kind.EVENTS)), event.model_dump_json(), qos=1)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _on_connect(self, client: mqtt.Client, *_rest: object) -> None:
        if isinstance(sock := client.socket(), socket.socket):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as agents do
        client.subscribe(str(Topic("no1", self.name, Kind.RECEIPT)))

    def _on_subscribe(self, *_rest: object) -> None:
        self.ready.set()

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        now_s = time.monotonic()
        receipt = Receipt.model_validate_json(message.payload)
        for seq in receipt.seqs:
            if receipt.epoch == self.epoch and (at_s := self.sent_s.pop(seq, None)) is not None:
                self.took_s.append(now_s - at_s)


def flood(
    port: int, name: str, password: str, rate: float, on: Flag, stop: Flag, told: multiprocessing.Queue[int]
) -> None:
    """Wait for `on`, send alarms at a rate until `stop`; then tell how many were sent and answered."""
    sender = Sender(port, name, password)
    sender.ready.wait(10)
    while not on.wait(0.05) and not stop.is_set():
        pass
    began_s, count = time.monotonic(), 0
    while not stop.is_set():
        for _ in range(20):
            sender.send()
        count += 20
        ahead_s = count / rate - (time.monotonic() - began_s)
        if ahead_s > 0:
            time.sleep(ahead_s)
    told.put(sender.last_seq)
    told.put(len(sender.took_s))
    sender.close()


@contextmanager
def serving(folder: Path, agents: Sequence[str]) -> Generator[tuple[int, list[str]]]:
    """Run a server with its own broker; give the broker's port and the agents' passwords."""
    http_port, mqtt_port = free_port(), free_port()
    data = folder / "data"
    passwords = [enroll(data, "no1", name).password_file.read_text().strip() for name in agents]
    config = folder / "server.toml"
    config.write_text(
        f'data = "{data}"\n[http]\nport = {http_port}\n[broker]\ntype = "embedded"\nport = {mqtt_port}\n',
        encoding="utf-8",
    )
    with (folder / "server.log").open("wb") as log:
        command = [sys.executable, "-m", "server", "run", "--config", str(config)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        try:
            wait_ready(http_port, process)
            yield mqtt_port, passwords
        finally:
            process.terminate()
            process.wait(20)


def wait_ready(port: int, process: subprocess.Popen[bytes], path: str = "/readyz") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError("the server did not get ready")


def at_pace(sender: Sender, seconds: float) -> list[float]:
    """Send at the honest rate for so long, then wait for the last receipts; return how long each took."""
    sender.took_s.clear()
    began_s, count = time.monotonic(), 0
    while (now_s := time.monotonic()) - began_s < seconds:
        if (due_s := began_s + count / RATE) > now_s:
            time.sleep(due_s - now_s)
        sender.send()
        count += 1
    deadline = time.monotonic() + 20
    while sender.sent_s and time.monotonic() < deadline:
        time.sleep(0.01)
    if sender.sent_s:
        raise RuntimeError(f"{len(sender.sent_s)} alarms of the honest agent were not receipted within 20 s")
    return list(sender.took_s)


@contextmanager
def flooder(port: int, name: str, password: str, rate: float) -> Generator[tuple[Callable[[], None], list[int]]]:
    """Have another process ready to flood when told to, until the block ends; the list is what it sent and got back."""
    spawn = multiprocessing.get_context("spawn")
    on, stop, told = spawn.Event(), spawn.Event(), spawn.Queue()
    process = spawn.Process(target=flood, args=(port, name, password, rate, on, stop, told))
    process.start()
    counts: list[int] = []
    try:
        yield on.set, counts
    finally:
        stop.set()
        counts += [told.get(timeout=20), told.get(timeout=20)]
        process.join(10)


def measure(rate: float, rounds: int = ROUNDS, phase_s: float = PHASE_S) -> tuple[list[float], list[float], int, int]:
    """Alternate quiet and flooded phases; return both lists of seconds, and what the flooder sent and got receipted."""
    OUT.mkdir(exist_ok=True)
    names = ["honest", *(f"flooder-{number}" for number in range(rounds))]
    quiet: list[float] = []
    flooded: list[float] = []
    sent = receipted = 0
    with tempfile.TemporaryDirectory(dir=OUT) as folder, serving(Path(folder), names) as (port, passwords):
        honest = Sender(port, names[0], passwords[0])
        try:
            honest.ready.wait(10)
            at_pace(honest, 3.0)  # caches are filled
            for name, password in zip(names[1:], passwords[1:], strict=True):
                with flooder(port, name, password, rate) as (begin, counts):
                    quiet += at_pace(honest, phase_s)
                    begin()
                    flooded += at_pace(honest, phase_s)
                sent, receipted = sent + counts[0], receipted + counts[1]
                time.sleep(1.0)
        finally:
            honest.close()
    return quiet, flooded, sent, receipted


def quantile_ms(values: Sequence[float], share: float) -> float:
    return 1e3 * sorted(values)[min(len(values) - 1, int(len(values) * share))]


def main() -> None:
    """Print the table; keep the figures."""
    rows: list[Row] = []
    for name, rate in ((f"{TIMES} times the honest rate ({RATE * TIMES:,.0f}/s)", RATE * TIMES),):
        quiet, flooded, sent, receipted = measure(rate)
        figures = {
            "quiet_p50_ms": quantile_ms(quiet, 0.5), "quiet_p99_ms": quantile_ms(quiet, 0.99),
            "flood_p50_ms": quantile_ms(flooded, 0.5), "flood_p99_ms": quantile_ms(flooded, 0.99),
            "flooder_sent": sent, "flooder_receipted": receipted, "honest": len(flooded),
        }  # fmt: skip
        ratio = figures["flood_p99_ms"] / figures["quiet_p99_ms"]
        rows.append(Row(
            f"alarm to receipt, flooder at {name}",
            f"p50 {figures['quiet_p50_ms']:.1f} -> {figures['flood_p50_ms']:.1f} ms, "
            f"p99 {figures['quiet_p99_ms']:.1f} -> {figures['flood_p99_ms']:.1f} ms, ratio {ratio:.2f}; "
            f"flooder sent {sent:,}, {receipted:,} receipted",
            "ratio < 2", {**figures, "ratio": ratio},
        ))  # fmt: skip
    table = Table("what", "measured", "goal", title="flood: one agent against another")
    for row in rows:
        table.add_row(row.name, row.measured, row.goal)
    Console().print(table)
    (OUT / "flood.json").write_text(json.dumps({row.name: dict(row.figures) for row in rows}, indent=1))


if __name__ == "__main__":
    main()
