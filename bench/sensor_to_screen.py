"""Sensor to screen: a bit changes in a Modbus device, a card stands in a browser's page; two durable commits between.

One machine, one wall clock. The server's own histograms split what lies behind the arrival.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from rich.console import Console
from rich.table import Table

from bench.nats import free_port

SAMPLES = int(os.environ.get("SENSOR_TO_SCREEN_SAMPLES", "200"))
POLL_S = 0.1
PYTHON = sys.executable
CARD = 'article.card.active-unacked:has-text("contact")'
WATCH = """() => {
  window.seen = {};
  const note = () => { for (const card of document.querySelectorAll("article.card.active-unacked"))
    window.seen[card.dataset.alert] ??= Date.now(); };
  new MutationObserver(note).observe(document.getElementById("cards"),
    {childList: true, subtree: true, attributes: true, attributeFilter: ["class"]});
}"""
TOLD = "Object.fromEntries(Object.entries(window.seen))"


class Device:
    """A Modbus device with one bit, in a thread of its own."""

    def __init__(self, port: int) -> None:
        self.value = 0
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        async def show(_c: int, start: int, _a: int, _n: int, current: list[int], _s: object) -> None:
            if start <= 0:
                current[0] = self.value

        async def serve() -> None:
            registers = SimData(0, values=[0] * 4, datatype=DataType.REGISTERS)
            server = ModbusTcpServer(SimDevice(1, simdata=[registers], action=show), address=("127.0.0.1", self._port))
            await server.serve_forever()

        self._loop.run_until_complete(serve())


@contextmanager
def process(command: list[str], log: Path) -> Generator[None]:
    """Run a child until the block ends."""
    with log.open("ab") as out:
        child = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        yield
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()


def main() -> None:
    """Measure, print one table, write JSON."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise RuntimeError("chromium is not installed: apt install chromium")
    with tempfile.TemporaryDirectory() as name:
        folder, http, mqtt, modbus = Path(name), free_port(), free_port(), free_port()
        server = folder / "server.toml"
        server.write_text(f'data = "{folder / "data"}"\n[http]\nport = {http}\n[broker]\nport = {mqtt}\n', "utf-8")
        password = _command("user", "add", "bench", "--role", "gatekeeper", "--config", str(server)).split(" is ")[1]
        section = _command("enroll", "bench/agent", "--password", "--config", str(server))
        secret = re.search(r"copy it from (\S+),", section)
        assert secret is not None, section
        agent = folder / "agent.toml"
        agent.write_text(_agent(folder, mqtt, modbus, secret[1]), "utf-8")
        device = Device(modbus)
        base = f"http://127.0.0.1:{http}"
        with process([PYTHON, "-m", "server", "run", "--config", str(server)], folder / "server.log"):
            _await(base)
            running = process([PYTHON, "-m", "agent", "run", "--config", str(agent)], folder / "agent.log")
            with running, sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
                )
                page = browser.new_page()
                _log_in(page, base, password.split()[0])
                rows = _measure(page, device, folder / "accepted.jsonl")
                metrics = urllib.request.urlopen(f"{base}/metrics", timeout=5).read().decode()
                browser.close()
    _report(rows, metrics)


def _command(*arguments: str) -> str:
    done = subprocess.run([PYTHON, "-m", "server", *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def _agent(folder: Path, mqtt: int, modbus: int, secret: str) -> str:
    return f"""site = "bench"
agent = "agent"
name = "bench"
simulated = true
[mqtt]
port = {mqtt}
user = "bench.agent"
password_file = "{secret}"
[outbox]
directory = "{folder / "outbox"}"
accepted_log = "{folder / "accepted.jsonl"}"
[[bus]]
type = "modbus-tcp"
name = "bus"
host = "127.0.0.1"
port = {modbus}
interval_s = {POLL_S}
[[bus.point]]
id = "bit"
name = "contact"
kind = "contact"
place = "bench"
register = 0
type = "bit"
rule = {{ on_delay_s = 0, chatter = 0 }}
"""


def _await(base: str) -> None:
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{base}/readyz", timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the server did not come up")


def _log_in(page: Page, base: str, password: str) -> None:
    page.goto(base)
    page.fill("#name", "bench")
    page.fill("#password", password)
    page.click("button.first")
    page.wait_for_selector('[data-link="page"][data-state="ok"]')
    page.wait_for_selector("#places li", timeout=20_000)
    page.evaluate(WATCH)
    page.wait_for_timeout(2000)


def _measure(page: Page, device: Device, accepted: Path) -> list[dict[str, float]]:
    rows: list[dict[str, float]] = []
    for i in range(SAMPLES):
        time.sleep(0.013 * (i % 11))  # not in step with the poll
        changed_s = time.time()
        device.value = 1
        card = page.wait_for_selector(CARD, timeout=10_000)
        assert card is not None
        id_ = str(card.get_attribute("data-alert"))
        seen_s = page.evaluate(TOLD)[id_] / 1000
        alert: dict[str, Any] = page.evaluate("id => fetch(`/api/v1/alerts/${id}`).then(r => r.json())", id_)
        sampled_s, received_s = (datetime.fromisoformat(alert[k]).timestamp() for k in ("began_at", "received_at"))
        rows.append({
            "poll: change to sample": sampled_s - changed_s,
            "detect and outbox commit: sample to disk": _on_disk_s(accepted, changed_s) - sampled_s,
            "broker: disk to arrival at the server": received_s - _on_disk_s(accepted, changed_s),
            "server and page: arrival to DOM (ledger commit, SSE, DOM)": seen_s - received_s,
            "sensor to screen": seen_s - changed_s,
        })  # fmt: skip
        device.value = 0
        page.click(f"{CARD} .ack")
        page.wait_for_selector('article.card:has-text("contact")', state="detached", timeout=10_000)
    return rows


def _on_disk_s(accepted: Path, sampled_s: float) -> float:
    """When the outbox had committed the first event after an instant, by the agent's own witness."""
    at_s = [float(json.loads(line)["at"]) for line in accepted.read_text("utf-8").splitlines()]
    after = [at for at in at_s if at >= sampled_s]
    if not after:
        raise RuntimeError(f"no event is on disk after {sampled_s:.3f}; the last of {len(at_s)} is of {at_s[-1]:.3f}")
    return after[0]


def _mean_ms(metrics: str, name: str) -> float:
    total, count = (float(re.findall(rf"^{name}_{part} (\S+)", metrics, re.MULTILINE)[0]) for part in ("sum", "count"))
    return 1000 * total / count if count else 0.0


def _report(rows: list[dict[str, float]], metrics: str) -> None:
    table = Table(
        "stage", "p50 ms", "p99 ms", title=f"sensor to screen, {len(rows)} times, poll {POLL_S * 1000:.0f} ms"
    )
    figures: dict[str, float] = {}
    for stage in rows[0]:
        values = sorted(1000 * row[stage] for row in rows)
        p50, p99 = statistics.median(values), values[min(len(values) - 1, round(0.99 * len(values)))]
        figures |= {f"{stage} p50 ms": p50, f"{stage} p99 ms": p99}
        table.add_row(stage, f"{p50:.1f}", f"{p99:.1f}")
    for text, name in (
        ("mean: arrival to ledger commit", "campus_arrival_to_commit_seconds"),
        ("mean: ledger commit to the pages' queues", "campus_commit_to_stream_seconds"),
    ):
        figures[f"{text} ms"] = _mean_ms(metrics, name)
        table.add_row(text, f"{figures[f'{text} ms']:.1f}", "")
    Console().print(table)
    out = Path(__file__).parent / "out"
    out.mkdir(exist_ok=True)
    (out / "sensor_to_screen.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
