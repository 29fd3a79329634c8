"""The gate wall in a real browser, over a server that says what the test wants: layout, order, keys, truth."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from browsing import BIG, GATE_HOUSE, PHONE, fits, mistakes, opened
from playwright.sync_api import Browser, Page, expect
from pretended import SIX, WALL, Pretended, agents, alert, at, points, pretended

CARD = "article.card"


@pytest.fixture(scope="module")
def running() -> Generator[Pretended]:
    with pretended() as server:
        yield server


@pytest.fixture
def server(running: Pretended) -> Pretended:
    running.tell(clear=True, points=points(), agents=agents(), refuse=None, wall=WALL)
    return running


def live(page: Page) -> None:
    expect(page.locator('[data-link="page"][data-state="ok"]')).to_be_visible()
    expect(page.locator("#places li")).not_to_have_count(0)


@pytest.mark.parametrize("dark", [False, True], ids=["by day", "by night"])
@pytest.mark.parametrize("size", [PHONE, GATE_HOUSE, BIG], ids=["phone", "gate house", "big screen"])
def test_six_alarms_are_readable_everywhere(
    browser: Browser, server: Pretended, size: tuple[int, int], *, dark: bool
) -> None:
    server.tell(changes=SIX)
    with opened(browser, server.url, size, dark=dark) as page:
        live(page)
        expect(page.locator(CARD)).to_have_count(6)
        assert fits(page)
        assert mistakes(page) == []
        for box in [button.bounding_box() for button in page.locator("button:visible").all()]:
            assert box is not None
            assert box["height"] >= 48
        if size != PHONE:
            last = page.locator(CARD).last.bounding_box()
            assert last is not None
            assert last["y"] + last["height"] <= size[1]


def test_cards_stand_by_priority_and_what_is_acknowledged_comes_last(browser: Browser, server: Pretended) -> None:
    server.tell(changes=SIX)
    with opened(browser, server.url) as page:
        expect(page.locator(CARD)).to_have_count(6)
        order = [card.get_attribute("data-alert") for card in page.locator(CARD).all()]
        assert order == ["alert-1", "alert-2", "alert-3", "alert-5", "alert-6", "alert-4"]
        expect(page.locator(f"{CARD}[data-alert=alert-5] .since")).to_contain_text("发生")


def test_the_oldest_one_nobody_has_seen_is_never_in_the_stack(browser: Browser, server: Pretended) -> None:
    server.tell(changes=[*(alert(i, minutes_ago=i) for i in range(10, 30)), alert(99, "fault", "fault", 500)])
    with opened(browser, server.url) as page:
        expect(page.locator(CARD)).to_have_count(6)
        expect(page.locator(f"{CARD}[data-alert=alert-99]")).to_be_visible()
        expect(page.locator("#stack summary")).to_have_text("还有 15 条（15 条未知晓）")


def test_nothing_wrong_is_said_calmly_with_when_and_how_many(browser: Browser, server: Pretended) -> None:
    with opened(browser, server.url) as page:
        expect(page.locator("#calm")).to_contain_text("目前没有报警")
        expect(page.locator(".checked")).to_contain_text("正在看守 12 个监测点")
        expect(page.locator("#simulated")).to_be_visible()
        expect(page.locator("#sound-state")).to_have_text("声音未开启")
        page.click("#sound")
        expect(page.locator("#sound-state")).to_have_text("声音已开启")
        assert mistakes(page) == []


def test_no_tick_is_green_over_points_without_data_and_a_battery_may_take_its_time(
    browser: Browser, server: Pretended
) -> None:
    first, second, *_ = points()
    old = {"age_s": 600.0, "silence_s": 9000.0}
    server.tell(points=[{**first, **old, "at": at(10)}, {**second, **old, "at": None}])
    with opened(browser, server.url) as page:
        expect(page.locator(".checked")).to_have_attribute("data-deaf", "no")
        expect(page.locator(".checked")).not_to_contain_text("没有数据")
        server.tell(
            points=[{**first, "at": at(10)}],
            chain={"sensors": {"state": "late", "age_s": None, "word": "faults", "n": 1}},
        )
        page.reload()
        expect(page.locator(".checked")).to_contain_text("其中 1 个没有数据")
        expect(page.locator(".checked")).to_have_attribute("data-deaf", "yes")
        expect(page.locator('[data-link="sensors"] .age')).to_have_text("1 个点位故障")
    server.tell(points=points(), chain={"sensors": {"state": "ok", "age_s": 0.6, "text": ""}})


def test_a_key_acknowledges_the_first_card_and_a_slash_searches(browser: Browser, server: Pretended) -> None:
    server.tell(changes=SIX[:2])
    with opened(browser, server.url) as page:
        expect(page.locator(CARD)).to_have_count(2)
        page.keyboard.press("a")
        expect(page.locator(f"{CARD}[data-alert=alert-1]")).to_have_attribute("data-state", "active-acked")
        expect(page.locator(f"{CARD}[data-alert=alert-1] .who")).to_contain_text("门卫")
        page.keyboard.press("/")
        expect(page.locator("#search")).to_be_focused()


def test_an_acknowledgement_the_server_refuses_does_not_count(browser: Browser, server: Pretended) -> None:
    server.tell(changes=SIX[:1], refuse=503)
    with opened(browser, server.url) as page:
        page.click(f"{CARD} .ack")
        expect(page.locator(f"{CARD} .failed")).to_contain_text("没有确认成功")
        expect(page.locator(CARD)).to_have_attribute("data-state", "active-unacked")


def test_a_suspected_fire_becomes_an_alarm_by_a_persons_tap(browser: Browser, server: Pretended) -> None:
    server.tell(changes=[alert(1, "advisory", "flame"), alert(2, "advisory", "door"), alert(3, "critical", "flame")])
    with opened(browser, server.url) as page:
        expect(page.locator(CARD)).to_have_count(3)
        expect(page.locator(f"{CARD} .confirm:visible")).to_have_count(1)
        expect(page.locator(f"{CARD}[data-alert=alert-1] .confirm")).to_have_text("真的着火：报警")
        page.click(f"{CARD}[data-alert=alert-1] .confirm")
        expect(page.locator(f"{CARD}[data-alert=alert-1] .severity")).to_have_text("紧急")
        expect(page.locator(f"{CARD} .confirm:visible")).to_have_count(0)


def test_an_alert_is_told_once_to_ear_and_screen_reader(browser: Browser, server: Pretended) -> None:
    with opened(browser, server.url) as page:
        live(page)
        server.tell(changes=[alert(1, hazard=7), alert(2, hazard=7)])
        expect(page.locator("[data-told]")).to_have_count(2)
        first = page.evaluate("document.body.dataset.sounded")
        assert first.startswith("critical")
        server.tell(changes=[alert(1, hazard=7, count=2)])
        expect(page.locator(f"{CARD}[data-alert=alert-1] .notes")).to_contain_text("第 2 次")
        expect(page.locator("[data-told]")).to_have_count(2)
        assert page.evaluate("document.body.dataset.sounded") == first


def test_an_alert_told_before_its_agents_birth_is_told_again_with_its_place(
    browser: Browser, server: Pretended
) -> None:
    with opened(browser, server.url) as page:
        live(page)
        server.tell(changes=[alert(1, name="p1", place="")])
        expect(page.locator("[data-told]")).to_contain_text("p1")
        sounded = page.evaluate("document.body.dataset.sounded")
        server.tell(changes=[alert(1, place="三楼走廊")])
        expect(page.locator("[data-told]")).to_have_count(1)
        expect(page.locator("[data-told]")).to_contain_text("三楼走廊 烟感")
        assert page.evaluate("document.body.dataset.sounded") == sounded


def test_an_alert_is_shelved_with_a_reason_stays_counted_and_comes_back(browser: Browser, server: Pretended) -> None:
    server.tell(changes=[SIX[0], SIX[2]])
    with opened(browser, server.url) as page:
        expect(page.locator(CARD)).to_have_count(2)
        assert not page.locator(f"{CARD}[data-alert=alert-1] .shelve").is_visible()  # smoke: never
        page.click(f"{CARD}[data-alert=alert-3] .shelve")
        assert mistakes(page) == []
        page.click("dialog button[value=put]")
        expect(page.locator("dialog")).to_be_visible()  # no reason, no shelf
        page.fill("#shelf-reason", "正在换门锁")
        page.click("dialog button[value=put]")
        expect(page.locator(CARD)).to_have_count(1)
        expect(page.locator("#shelf summary")).to_contain_text("已搁置 1 条")
        page.click("#shelf summary")
        expect(page.locator("#shelf .why")).to_have_text("门卫：正在换门锁")
        assert mistakes(page) == []
        page.click("#shelf button")
        expect(page.locator(CARD)).to_have_count(2)
        expect(page.locator("#shelf")).to_be_hidden()


def test_beside_the_cards_stand_the_plan_who_is_on_duty_and_what_ails_the_system(
    browser: Browser, server: Pretended
) -> None:
    sick = {**agents()[0], "clock_offset_s": 95.0, "disk_free_mb": 120.0, "depth": 7, "oldest_unacked_s": 300}
    server.tell(changes=[alert(1), ["agent", sick]], agents=[sick, agents()[1]])
    with opened(browser, server.url) as page:
        expect(page.locator("#duty li")).to_have_count(2)
        expect(page.locator("#duty a").first).to_have_attribute("href", "tel:0877-8001")
        expect(page.locator(".spot.critical")).to_have_attribute(
            "aria-label", "p1 · 紧急 烟雾报警".replace("p1", "demo/building/p1")
        )
        expect(page.locator("#health li")).to_have_text(
            ["教学楼终端 有 7 条没送到，最久 5 分", "教学楼终端 时钟差 1 分", "教学楼终端 磁盘只剩 120 MB"]
        )
        expect(page.locator(f"{CARD} .do span")).to_have_text("先打119，再打总务处 8123")
        page.click(f"{CARD} .steps-of")
        expect(page.locator("dialog li")).to_have_count(2)
        assert mistakes(page) == []


def test_a_lost_agent_turns_the_page_red_and_names_what_nobody_sees(browser: Browser, server: Pretended) -> None:
    with opened(browser, server.url) as page:
        live(page)
        server.tell(changes=[["agent", agents(water="lost")[1]]], agents=agents(water="lost"))
        expect(page.locator("#broken .head")).to_contain_text("水域终端 失联")
        expect(page.locator("#broken .blind")).to_have_text("看不到的区域：池塘 南岸")
        expect(page.locator("#calm")).to_be_hidden()
        server.tell(changes=[["agent", agents()[1]]])
        expect(page.locator("#broken")).to_be_hidden()


def test_a_frozen_server_is_seen_within_five_seconds_and_nothing_stays_green(
    browser: Browser, server: Pretended
) -> None:
    with opened(browser, server.url) as page:
        expect(page.locator("#calm")).to_be_visible()
        server.freeze()
        try:
            expect(page.locator("#broken .head")).to_contain_text("实时中断", timeout=7000)
            expect(page.locator("#calm")).to_be_hidden()
            expect(page.locator("#unsure")).to_have_text("现在不能确认有没有报警")
            assert page.locator('.strip [data-state="ok"]').count() == 0
            assert mistakes(page) == []
        finally:
            server.thaw()
        expect(page.locator("#broken")).to_be_hidden(timeout=10_000)
        expect(page.locator("#calm")).to_be_visible()


@pytest.mark.parametrize("room", ["points", "agents", "login"])
def test_every_other_room_is_sound(browser: Browser, server: Pretended, room: str) -> None:
    with opened(browser, f"{server.url}/{room}", PHONE) as page:
        if room != "login":
            live_strip = page.locator('[data-link="page"][data-state="ok"]')
            expect(live_strip).to_be_visible()
        if room == "points":
            expect(page.locator("tbody tr")).to_have_count(12)
            page.fill("#search", "池塘")
            expect(page.locator("tbody tr")).to_have_count(2)
        assert fits(page)
        assert mistakes(page) == []


@pytest.mark.parametrize("size", [PHONE, GATE_HOUSE], ids=["phone", "gate house"])
@pytest.mark.parametrize("room", ["advice", "roster", "plans", "kiosks"])
def test_every_setting_of_the_wall_is_sound(
    browser: Browser, server: Pretended, room: str, size: tuple[int, int]
) -> None:
    first = {"advice": "#kind option", "roster": "tbody tr", "plans": ".plan-sheet .spot", "kiosks": "#kiosks li"}
    with opened(browser, f"{server.url}/wall/{room}", size) as page:
        expect(page.locator(first[room]).first).to_be_attached()
        if room == "advice":
            page.select_option("#kind", "smoke")
            expect(page.locator("#text")).to_have_value("先打119，再打总务处 8123\n第二步")
            page.click("button.first")
        elif room == "roster":
            page.click("#add")
            page.locator("tbody tr").last.locator("[name=post]").fill("保安")
            page.locator("tbody tr").last.locator("[name=name]").fill("丙师傅")
            page.click("button.first")
        elif room == "plans":
            page.locator(".spot").first.focus()
            page.keyboard.press("ArrowRight")
        else:
            page.fill("#name", "大厅屏")
            page.click("button.first")
            expect(page.locator("#code .code")).to_contain_text("/kiosk#abcde")
        if room != "kiosks":
            expect(page.locator("#said")).to_contain_text("已保存")
        assert fits(page)
        assert mistakes(page) == []
