"""The gate wall: an event to its card in the DOM with 1, 50 and 500 open pages, first load, memory of an open page.

Most of the pages are bare listeners on the stream; one is a real Chromium. WALL_MINUTES=20 runs the memory part alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import CDPSession, Page, sync_playwright
from rich.console import Console
from rich.table import Table

from bench.flood import ROOT, Sender, free_port, wait_ready
from bench.row import Row
from contracts.messages import Event, Stamp
from contracts.topics import Kind, Topic
from contracts.vocabulary import Clock, Severity
from server.broker_users import enroll

PAGES, SAMPLES = (1, 50, 500), int(os.environ.get("WALL_SAMPLES", "40"))
MINUTES = float(os.environ.get("WALL_MINUTES", "0"))
CARD = "article.card.active-unacked"
WATCH = """() => {
  window.seen = {};
  const note = () => { for (const card of document.querySelectorAll("article.card.active-unacked"))
    window.seen[card.querySelector(".where").textContent] ??= Date.now(); };
  new MutationObserver(note).observe(document.getElementById("cards"),
    {childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: ["class"]});
}"""
LOADED = """() => {
  const navigation = performance.getEntriesByType("navigation")[0];
  const all = [navigation, ...performance.getEntriesByType("resource").filter((r) => !r.name.includes("/stream"))];
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  return {bytes: all.reduce((sum, r) => sum + r.transferSize, 0), requests: all.length, paint: paint?.startTime ?? 0,
    ready: navigation.domContentLoadedEventEnd, load: navigation.loadEventEnd};
}"""


def main() -> None:
    """Measure, print one table, write JSON."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise RuntimeError("chromium is not installed: apt install chromium")
    with tempfile.TemporaryDirectory() as name, _serving(Path(name)) as (base, port, agent, login):
        sender = Sender(port, "honest", agent)
        sender.ready.wait(20)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page()
            rows = [_first_load(page, base, login)]
            rows += [_memory(page, sender)] if MINUTES else [_latency(page, sender, base, n) for n in PAGES]
            browser.close()
        sender.close()
    table = Table("what", "measured", "goal", title=f"the gate wall; load of this machine {os.getloadavg()[0]:.1f}")
    for row in rows:
        table.add_row(row.name, row.measured, row.goal)
    Console().print(table)
    found = {row.name: dict(row.figures) for row in rows} | {"load": {"machine": os.getloadavg()[0]}}
    write("wall_memory.json" if MINUTES else "wall.json", found)


@contextmanager
def _serving(folder: Path) -> Generator[tuple[str, int, str, str]]:
    """Run a server; give its address, its broker's port, an agent's password and a user's."""
    http, port = free_port(), free_port()
    agent = enroll(folder / "data", "no1", "honest").password_file.read_text(encoding="utf-8").strip()
    config = folder / "server.toml"
    config.write_text(f'data = "{folder / "data"}"\n[http]\nport = {http}\n[broker]\nport = {port}\n', "utf-8")
    command = [sys.executable, "-m", "server"]
    add = [*command, "user", "add", "bench", "--role", "principal", "--config", str(config)]
    said = subprocess.run(add, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen([*command, "run", "--config", str(config)], cwd=ROOT, stdout=log, stderr=log)
        try:
            wait_ready(http, process)
            yield f"http://127.0.0.1:{http}", port, agent, said.split(" is ")[1].split()[0]
        finally:
            process.terminate()
            process.wait(20)


def _first_load(page: Page, base: str, password: str) -> Row:
    page.goto(f"{base}/login")
    page.fill("#name", "bench")
    page.fill("#password", password)
    page.click("button.first")
    page.wait_for_selector('[data-link="page"][data-state="ok"]', timeout=60_000)
    page.context.new_cdp_session(page).send("Network.clearBrowserCache")
    page.reload()
    page.wait_for_selector('[data-link="page"][data-state="ok"]', timeout=60_000)
    page.evaluate(WATCH)
    found: dict[str, float] = page.evaluate(LOADED)
    words = f"{found['bytes'] / 1000:.0f} kB in {found['requests']:.0f} requests; first paint {found['paint']:.0f} ms"
    return Row("first load, empty cache", f"{words}, loaded {found['load']:.0f} ms", "< 200 kB", found)


def _latency(page: Page, sender: Sender, base: str, pages: int) -> Row:
    cookies = "; ".join(f"{c.get('name')}={c.get('value')}" for c in page.context.cookies())
    with _listeners(base, cookies, pages - 1) as connected:
        took: list[float] = []
        for i in range(SAMPLES):
            time.sleep(0.013 * (i % 11))
            point = f"p{pages}-{i}"
            sent_s = time.time()
            _event(sender, point, active=True)
            page.wait_for_selector(f'{CARD}:has-text("{point}")', timeout=30_000)
            seen_s = page.evaluate("point => window.seen[point]", point) / 1000
            took.append(seen_s - sent_s)
            _event(sender, point, active=False)
            page.click(f'{CARD}:has-text("{point}") .ack, article.card.cleared-unacked:has-text("{point}") .ack')
            page.wait_for_selector(f'article.card:has-text("{point}")', state="detached", timeout=30_000)
    took.sort()
    p50, p99 = 1000 * statistics.median(took), 1000 * took[round(0.99 * (len(took) - 1))]
    figures = {"p50 ms": p50, "p99 ms": p99, "listeners": connected, "samples": len(took)}
    words = f"p50 {p50:.0f} ms, p99 {p99:.0f} ms ({connected} bare listeners, 1 browser)"
    return Row(f"event sent → card in the DOM, {pages} pages", words, "well under 1 s", figures)


def _event(sender: Sender, point: str, *, active: bool) -> None:
    sender.last_seq += 1
    at = Stamp(at=datetime.now(UTC), boot_id=sender.boot, mono_s=time.monotonic(), clock=Clock.SYNCED)
    event = Event(
        id=str(uuid.uuid4()), epoch=sender.epoch, seq=sender.last_seq, stamp=at, point=point, kind="door",
        active=active, severity=Severity.WARNING, reason="open-long",
    )  # fmt: skip
    sender.client.publish(str(Topic("no1", "honest", Kind.EVENTS)), event.model_dump_json(), qos=1)


@contextmanager
def _listeners(base: str, cookies: str, count: int) -> Generator[int]:
    """Hold streams open as pages do, and read all they say."""
    loop, stop, there = asyncio.new_event_loop(), asyncio.Event(), list[int]()
    host, port = base.removeprefix("http://").split(":")

    async def one() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET /api/v1/stream HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {cookies}\r\n\r\n".encode())
        if b" 200 " in await reader.readline():
            there.append(1)
        while not reader.at_eof():
            await reader.read(65_536)

    async def hold() -> None:
        tasks = [asyncio.create_task(one()) for _ in range(count)]
        await stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    thread = threading.Thread(target=loop.run_until_complete, args=(hold(),), name="listeners")
    thread.start()
    deadline = time.monotonic() + 30
    while len(there) < count and time.monotonic() < deadline:
        time.sleep(0.1)
    try:
        yield len(there)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()


def _memory(page: Page, sender: Sender) -> Row:
    """Leave the wall open under one event a second, each alert acknowledged: what is held after each collection."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("Performance.enable")
    held: list[dict[str, float]] = []
    began, count = time.monotonic(), 0
    while (ran_s := time.monotonic() - began) < MINUTES * 60:
        if ran_s >= len(held) * 300:
            held.append({"minute": ran_s / 60, "events": count} | _held(cdp))
            write("wall_memory.json", held)
        _event(sender, f"p-{count // 2 % 40}", active=count % 2 == 0)
        count += 1
        if count % 2 == 0:
            page.keyboard.press("a")
        time.sleep(max(0.0, 1.0 - (time.monotonic() - began - ran_s)))
    held.append({"minute": MINUTES, "events": count} | _held(cdp))
    places = sorted({0, *(i * len(held) // 4 for i in (1, 2, 3)), len(held) - 1})
    words = ", ".join(f"{held[i]['heap MB']:.2f} MB at {held[i]['minute']:.0f} min" for i in places)
    nodes = f"nodes {held[0]['nodes']:.0f} → {held[-1]['nodes']:.0f}, listeners {held[0]['listeners']:.0f} → "
    words = f"heap {words}; {nodes}{held[-1]['listeners']:.0f}; {count} events"
    figures = {f"{name} at {one['minute']:.0f} min": one[name] for one in held for name in ("heap MB", "nodes")}
    return Row(f"wall open {MINUTES:g} min, 1 event/s", words, "keeps its memory", figures)


def _held(cdp: CDPSession) -> dict[str, float]:
    """What a page holds once its garbage is gone: heap, nodes and listeners."""
    for _ in range(2):
        cdp.send("HeapProfiler.collectGarbage")
    found = {one["name"]: float(one["value"]) for one in cdp.send("Performance.getMetrics")["metrics"]}
    return {"heap MB": found["JSHeapUsedSize"] / 1e6, "nodes": found["Nodes"], "listeners": found["JSEventListeners"]}


def write(name: str, found: object) -> None:
    """Keep what was measured as JSON."""
    out = ROOT / "bench" / "out"
    out.mkdir(exist_ok=True)
    (out / name).write_text(json.dumps(found, indent=1), encoding="utf-8")
