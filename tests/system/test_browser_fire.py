"""A real room fire, replayed by a real agent, becomes a card a person acknowledges; what was missed is shown once."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from brokers import Broker, Nats
from browsing import opened
from playwright.sync_api import Browser, Page, expect
from ports import free_port
from serving import PASSWORD, ServerProcess, WireAgent, add_user, logged_in, write_config
from waiting import until

from contracts.messages import Point

FIRE = "data/sensors/fsri_compartments_2018/250kW_Open_Center_1.csv"
CARD = "article.card"
AGENT = """
site = "no1"
agent = "burn-room"
name = "燃烧实验室"
simulated = true
[mqtt]
port = {port}
[outbox]
directory = "{folder}"
[[bus]]
type = "replay"
name = "录制的房间火灾"
file = "{file}"
time_column = "t_s"
speed = 40
"""
POINT = """
[[bus.point]]
id = "ceiling-{quadrant}"
name = "感温"
kind = "heat"
unit = "℃"
place = "实验室 {name}区"
column = "T_{name}_ceiling_C"
"""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Generator[Broker]:
    running = Broker(Nats(), tmp_path_factory.mktemp("broker"))
    running.start()
    yield running
    running.kill()


@pytest.fixture(scope="module")
def server(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Generator[ServerProcess]:
    folder = tmp_path_factory.mktemp("server")
    add_user(folder / "data", role="gatekeeper")
    port = free_port()
    process = ServerProcess(write_config(folder, http_port=port, mqtt_port=broker.port), port)
    process.start()
    yield process
    process.end()


def log_in(page: Page) -> None:
    page.fill("#name", "tester")
    page.fill("#password", "wrong")
    page.click("button.first")
    expect(page.locator("#wrong")).to_have_text("用户名或密码不对，请再试一次。")
    page.fill("#password", PASSWORD)
    page.click("button.first")
    expect(page.locator('[data-link="page"][data-state="ok"]')).to_be_visible()


def test_a_real_room_fire_is_seen_and_acknowledged(
    browser: Browser, server: ServerProcess, broker: Broker, shared: Path, tmp_path: Path
) -> None:
    config = tmp_path / "agent.toml"
    text = AGENT.format(port=broker.port, folder=tmp_path / "outbox", file=shared / FIRE)
    text += "".join(POINT.format(quadrant=name.lower(), name=name) for name in "A")
    config.write_text(text, encoding="utf-8")
    with opened(browser, server.base) as page:
        log_in(page)
        with (tmp_path / "agent.log").open("wb") as out:
            agent = subprocess.Popen(
                [sys.executable, "-m", "agent", "run", "--config", str(config)], stdout=out, stderr=out
            )
        try:
            first = page.locator(f"{CARD}.critical", has_text="实验室").first
            expect(first).to_be_visible(timeout=40_000)
            expect(first).to_contain_text("高温报警")
            alert = first.get_attribute("data-alert")
            first.locator(".ack").click()
            expect(page.locator(f"{CARD}[data-alert='{alert}']")).to_have_attribute("data-state", "active-acked")
        finally:
            agent.send_signal(signal.SIGTERM)
            agent.wait(60)
        with logged_in(server.base) as client:
            kept = client.get(f"/api/v1/alerts/{alert}").json()
        assert (kept["state"], kept["acked_by"]) == ("active-acked", "tester")
        assert kept["hazard"] is not None
        assert _hazard_rows(server, kept["hazard"]) == 1


def test_what_happened_while_the_server_was_away_is_shown_once_and_in_order(
    browser: Browser, server: ServerProcess, broker: Broker
) -> None:
    agent = WireAgent(broker.host, broker.port, agent="corridor")
    points = [Point(id=f"smoke-{i}", name=f"烟感{i}", kind="smoke", place=f"走廊{i}") for i in range(3)]
    try:
        with opened(browser, server.base) as page:
            log_in(page)
            agent.birth(*points)
            agent.event("smoke-0")
            until(lambda: not agent.unacked, what="first receipt")
            expect(page.locator(CARD, has_text="走廊0")).to_be_visible()
            server.end()
            expect(page.locator("#broken .head")).to_contain_text("实时中断", timeout=7000)
            for i in range(1, 3):
                agent.event(f"smoke-{i}")
            server.start()
            until(lambda: agent.send_again() == 0, what="all receipts")
            for i in range(1, 3):
                expect(page.locator("[data-told]", has_text=f"走廊{i}")).to_have_count(1, timeout=15_000)
            expect(page.locator('[data-link="page"][data-state="ok"]')).to_be_visible(timeout=30_000)
            told = [text for text in page.locator("[data-told]").all_inner_texts() if "走廊" in text]
            assert [next(c for c in text if c.isdigit()) for text in told] == ["0", "1", "2"]
    finally:
        agent.close()


def _hazard_rows(server: ServerProcess, number: int) -> int:
    database = Path(server._command[-1]).parent / "data" / "campus.db"
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        [(count,)] = connection.execute("select count(*) from hazards where id = ?", (number,)).fetchall()
        return int(count)
    finally:
        connection.close()
