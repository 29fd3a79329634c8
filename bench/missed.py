"""An open wall while its server is killed at random moments: whether it tells each of 1,000 alerts, and each once."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.table import Table

from bench.flood import ROOT, free_port, wait_ready
from bench.row import Row
from bench.wall import write
from contracts.messages import Event, Receipt, Stamp
from contracts.topics import Kind, Topic
from contracts.vocabulary import Clock, Severity
from server.broker_users import enroll

EVENTS, KILLS, SEED = int(os.environ.get("MISSED_EVENTS", "1000")), int(os.environ.get("MISSED_KILLS", "8")), 20261124
EVERY_S, AGAIN_S, PATIENCE_S = 0.1, 3.0, 180.0
RECORD = """async () => {
  window.told = [];
  window.heard = [];
  new MutationObserver((news) => { for (const { addedNodes } of news) for (const node of addedNodes)
    window.told.push(node.dataset.told); }).observe(document.getElementById("heard"), { childList: true });
  const { connect } = await import("/static/shared-stream.js");
  connect("/api/v1/stream", (name, _data, n) => { if (name === "alert") window.heard.push(n); }, () => {});
}"""
OPEN = """async () => {
  const { rows } = await import("/static/api.js");
  return (await rows("/api/v1/alerts?limit=1000")).map((alert) => alert.id);
}"""


@dataclass
class Outbox:
    """An agent that keeps each event until it is receipted, and sends what stays unanswered again."""

    port: int
    password: str
    waiting: dict[int, tuple[str, float]] = field(default_factory=dict[int, tuple[str, float]])

    def __post_init__(self) -> None:
        self.epoch, self.boot, self.seq = str(uuid.uuid4()), str(uuid.uuid4()), 0
        self._lock = threading.Lock()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"no1-honest-{self.epoch}")
        self.client.username_pw_set("no1.honest", self.password)
        self.client.on_connect = self._subscribe
        self.client.on_message = self._receipt
        self.client.reconnect_delay_set(1, 1)
        self.client.connect_async("127.0.0.1", self.port, keepalive=5)
        self.client.loop_start()

    def raise_one(self) -> None:
        """Raise the alarm of a point of its own."""
        self.seq += 1
        at = Stamp(at=datetime.now(UTC), boot_id=self.boot, mono_s=time.monotonic(), clock=Clock.SYNCED)
        event = Event(
            id=str(uuid.uuid4()), epoch=self.epoch, seq=self.seq, stamp=at, point=f"p{self.seq}", kind="door",
            active=True, severity=Severity.WARNING, reason="open-long",
        )  # fmt: skip
        with self._lock:
            self.waiting[self.seq] = (event.model_dump_json(), 0.0)

    def send(self) -> None:
        """Publish what was never sent, or long ago."""
        now_s = time.monotonic()
        with self._lock:
            due = [(seq, text) for seq, (text, sent_s) in self.waiting.items() if now_s - sent_s > AGAIN_S][:32]
            self.waiting |= {seq: (text, now_s) for seq, text in due}
        if self.client.is_connected():
            for _, text in due:
                self.client.publish(str(Topic("no1", "honest", Kind.EVENTS)), text, qos=1)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _subscribe(self, client: mqtt.Client, *_rest: object) -> None:
        client.subscribe(str(Topic("no1", "honest", Kind.RECEIPT)))

    def _receipt(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        receipt = Receipt.model_validate_json(message.payload)
        with self._lock:
            for seq in receipt.seqs if receipt.epoch == self.epoch else ():
                self.waiting.pop(seq, None)


def main() -> None:
    """Measure, print one table, write JSON."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise RuntimeError("chromium is not installed: apt install chromium")
    with tempfile.TemporaryDirectory() as name:
        row = _measured(Path(name), chromium)
    table = Table("what", "measured", "goal", title=f"missed alerts; load of this machine {os.getloadavg()[0]:.1f}")
    table.add_row(row.name, row.measured, row.goal)
    Console().print(table)
    write("missed.json", {row.name: dict(row.figures)})


def _measured(folder: Path, chromium: str) -> Row:
    http, port = free_port(), free_port()
    password = enroll(folder / "data", "no1", "honest").password_file.read_text(encoding="utf-8").strip()
    config = folder / "server.toml"
    config.write_text(f'data = "{folder / "data"}"\n[http]\nport = {http}\n[broker]\nport = {port}\n', "utf-8")
    add = [sys.executable, "-m", "server", "user", "add", "bench", "--role", "principal", "--config", str(config)]
    login = subprocess.run(add, capture_output=True, text=True, check=True, cwd=ROOT).stdout.split(" is ")[1].split()[0]
    process = _started(config, http, folder)
    outbox = Outbox(port, password)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page()
            _log_in(page, f"http://127.0.0.1:{http}", login)
            page.evaluate(RECORD)
            chance, down_s = random.Random(SEED), 0.0
            kills = sorted(chance.sample(range(EVENTS // 20, EVENTS), KILLS))
            while outbox.seq < EVENTS:
                outbox.raise_one()
                outbox.send()
                time.sleep(EVERY_S)
                if outbox.seq in kills:
                    process.kill()
                    process.wait(20)
                    began_s = time.monotonic()
                    stop = began_s + chance.uniform(0.0, 6.0)
                    while time.monotonic() < stop and outbox.seq < EVENTS:  # alarms go on while nobody hears
                        outbox.raise_one()
                        time.sleep(EVERY_S)
                    process = _started(config, http, folder)
                    down_s += time.monotonic() - began_s
            row = _judged(page, outbox, down_s)
            browser.close()
        return row
    finally:
        outbox.close()
        process.terminate()
        process.wait(20)


def _started(config: Path, http: int, folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "server.log").open("ab") as log:
        command = [sys.executable, "-m", "server", "run", "--config", str(config)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    wait_ready(http, process)
    return process


def _log_in(page: Page, base: str, password: str) -> None:
    page.goto(f"{base}/login")
    page.fill("#name", "bench")
    page.fill("#password", password)
    page.click("button.first")
    page.wait_for_selector('[data-link="page"][data-state="ok"]', timeout=60_000)


def _judged(page: Page, outbox: Outbox, down_s: float) -> Row:
    """Wait until every event has its receipt and the page is still, then compare it with the ledger."""
    began_s = time.monotonic()
    while outbox.waiting and time.monotonic() - began_s < PATIENCE_S:
        outbox.send()
        time.sleep(0.5)
    page.wait_for_selector('[data-link="page"][data-state="ok"]', timeout=60_000)
    recorded: list[str] = page.evaluate(OPEN)
    doors = len(recorded)
    before = -1
    while (told := len(page.evaluate("window.told"))) != before or told < doors:
        before = told
        if time.monotonic() - began_s > PATIENCE_S:
            break
        time.sleep(3)
    told_ids: list[str] = page.evaluate("window.told")
    heard: list[int] = page.evaluate("window.heard")
    figures = {
        "events": outbox.seq, "kills": KILLS, "down s": down_s, "without receipt": len(outbox.waiting),
        "alerts": doors, "not told": len(set(recorded) - set(told_ids)),
        "told twice": len(told_ids) - len(set(told_ids)), "stream doubled": len(heard) - len(set(heard)),
    }  # fmt: skip
    words = (
        f"{figures['alerts']} alerts in the ledger, {figures['not told']} not told, {figures['told twice']} told twice;"
        f" {figures['stream doubled']} doubled on the stream; {down_s:.0f} s without a server"
    )
    return Row(f"{outbox.seq} events, server killed {KILLS} times", words, "0 missed, 0 twice", figures)


if __name__ == "__main__":
    main()
