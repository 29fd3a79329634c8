"""The system's own health on the gate wall in a real browser: each ailment a card or a line, in both languages."""

from __future__ import annotations

import re
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from browsing import mistakes, opened
from playwright.sync_api import Browser, expect
from pretended import WALL, Pretended, agents, alert, at, points, pretended

SPAN = r"(\d\d-\d\d )?\d\d:\d\d–(\d\d-\d\d )?\d\d:\d\d"
SOON = (datetime.now(UTC) + timedelta(days=5, hours=1)).isoformat()


@pytest.fixture(scope="module")
def running() -> Generator[Pretended]:
    with pretended() as server:
        yield server


@pytest.fixture
def server(running: Pretended) -> Pretended:
    well = {"state": "ok", "age_s": 0.1, "word": ""}
    running.tell(clear=True, points=points(), agents=agents(), refuse=None, wall=WALL, chain={"ledger": well})
    return running


CARDS = [
    ("a silent agent", {"point": "_presence", "name": "水域终端", "reason": "agent-silent"}, "终端没有应答"),
    ("a blind camera", {"name": "池塘摄像机", "reason": "camera-black"}, "画面全黑"),
    ("a covered camera", {"name": "池塘摄像机", "reason": "camera-covered"}, "镜头被遮挡"),
    ("a stuck sensor", {"name": "水位", "reason": "stuck"}, "读数不动"),
    ("a wrong clock", {"point": "_clock", "name": "水域终端", "reason": "clock-wrong"}, "时钟不对"),
    ("a full disk", {"point": "agent-storage", "name": "采集器存储", "reason": "disk-full"}, "磁盘满了"),
    ("a certificate", {"point": "_certificate", "name": "水域终端", "reason": "certificate-ending"}, "证书快到期了"),
    ("an outbox", {"point": "_outbox", "name": "水域终端", "reason": "outbox-waiting"}, "有记录送不出来"),
    ("missing numbers", {"point": "_sequence", "name": "水域终端", "reason": "events-missing"}, "有记录没有送到"),
    ("a dead worker", {"point": "_worker", "name": "水域终端", "reason": "worker-failed"}, "有部件没有工作"),
    ("the server's disk", {"agent": "server", "point": "_disk", "reason": "disk-low"}, "磁盘快满了"),
    (
        "a dead push",
        {"agent": "server", "point": "_push-a", "name": "群", "reason": "push-failing"},
        "推送发不出去",
    ),
]


@pytest.mark.parametrize(("more", "words"), [one[1:] for one in CARDS], ids=[one[0] for one in CARDS])
def test_an_ailment_is_a_card_with_its_reason(
    browser: Browser, server: Pretended, more: dict[str, Any], words: str
) -> None:
    server.tell(changes=[alert(1, "fault", "fault", 3, **{"place": "", **more})])
    with opened(browser, server.url) as page:
        card = page.locator("article.card")
        expect(card.locator(".what")).to_have_text(f"看不到：{words}")
        expect(card.locator(".severity")).to_have_text("故障")
        page.goto(f"{server.url}/?lang=en")
        expect(card.locator(".what")).not_to_have_text("")
        assert not any("一" <= c <= "鿿" for c in card.locator(".what").inner_text())


LINES = [
    ("a silent agent", {"link": "lost"}, "失联"),
    ("a wrong clock", {"clock_offset_s": 95.0}, "时钟差 1 分"),
    ("a clock nobody sets", {"clock": "unsynced"}, "时钟未校准"),
    ("a full disk", {"disk_free_mb": 120.0}, "磁盘只剩 120 MB"),
    ("an outbox", {"depth": 7, "oldest_unacked_s": 300.0}, "有 7 条没送到，最久 5 分"),
    (
        "missing numbers",
        {"missing": [{"count": 3, "after": at(9), "before": at(8)}]},
        re.compile(rf"缺 {SPAN} 的 3 条"),
    ),
    ("a missing end", {"missing": [{"count": 3, "after": at(9), "before": None}]}, "以后的 3 条记录"),
    ("a certificate", {"certificate_ends": SOON}, "证书还有 5 天到期"),
    (
        "a worker",
        {"workers": [{"name": "Modbus", "state": "failed", "beat_age_s": 9}]},
        "Modbus 没有工作",
    ),
]


@pytest.mark.parametrize(("more", "words"), [one[1:] for one in LINES], ids=[one[0] for one in LINES])
def test_an_agents_ailment_comes_to_an_open_wall_and_goes(
    browser: Browser, server: Pretended, more: dict[str, Any], words: str | re.Pattern[str]
) -> None:
    with opened(browser, server.url) as page:
        expect(page.locator("#health-fine")).to_be_visible()
        server.tell(changes=[["agent", {**agents()[0], **more}]])
        expect(page.locator("#health li")).to_contain_text(words, timeout=20_000)
        server.tell(changes=[["agent", {**agents()[0], **dict.fromkeys(more), "link": "ok", "missing": []}]])
        expect(page.locator("#health li")).to_have_count(0, timeout=20_000)


def test_detectors_that_see_nothing_and_the_server_itself_are_named(browser: Browser, server: Pretended) -> None:
    server.tell(
        chain={"ledger": {"state": "late", "age_s": 1, "word": "disk", "n": 40}},
        wall={**WALL, "push": [
            {"id": "a", "name": "值班群", "failing_since": at(3), "reason": "连不上", "dropped": 0, "sent_at": None},
            {"id": "b", "name": "短信", "failing_since": None, "reason": "", "dropped": 2, "sent_at": None},
        ]},
        changes=[
            alert(1, "fault", "fault", 3, reason="camera-covered", name="池塘摄像机"),
            alert(2, "fault", "fault", 3, reason="certificate-ending", agent="server", point="_certificate"),
        ],
    )  # fmt: skip
    with opened(browser, server.url) as page:
        lines = page.locator("#health li")
        expect(lines).to_have_count(5, timeout=20_000)
        text = " ".join(lines.all_inner_texts())
        for words in ("1 处看不到：池塘摄像机", "服务器证书：证书快到期了", "只剩 40 MB", "值班群", "2 条过时未发"):
            assert words in text
        assert mistakes(page) == []
