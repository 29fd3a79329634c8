"""The water board, the patrol's phone and the sheet of codes in a real browser over a whole server."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from browsing import GATE_HOUSE, PHONE, fits, mistakes, opened
from drilling import NAME, PASSWORD, DrillServer
from playwright.sync_api import Browser, Page, expect
from pond import PondAgent, at_the_pond, write_waters
from sqlalchemy import text

from server.database import connect, sqlite_address
from server.water.plan import load_waters
from server.water.records import tokens


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[DrillServer]:
    made = DrillServer(tmp_path_factory.mktemp("water"))
    made.prepare()
    write_waters(made)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def pond(server: DrillServer) -> Generator[PondAgent]:
    with at_the_pond(server) as agent:
        yield agent


@contextmanager
def looking(browser: Browser, server: DrillServer, path: str, size: tuple[int, int] = GATE_HOUSE) -> Generator[Page]:
    with opened(browser, f"{server.url}/login?next={path}", size) as page:
        page.fill('[name="name"]', NAME)
        page.fill('[name="password"]', PASSWORD)
        page.press('[name="password"]', "Enter")
        page.wait_for_url(f"**{path}")
        yield page


def picture(page: Page, folder: Path, name: str) -> None:
    page.screenshot(path=folder / f"{name}.png", full_page=True)


def test_somebody_at_the_pond_is_shown_escalated_and_seen_to(
    browser: Browser, server: DrillServer, pond: PondAgent, tmp_path: Path
) -> None:
    with looking(browser, server, "/water") as page:
        tile = page.locator('[data-water="s1/pond"]')
        expect(tile).to_have_attribute("data-state", "clear", timeout=15_000)
        expect(tile.locator(".state")).to_contain_text("无人")
        expect(tile.locator("svg.level .limit.critical").first).to_be_attached()
        picture(page, tmp_path, "calm")
        pond.event("zone", "water-person")
        expect(tile).to_have_attribute("data-state", "present")
        expect(tile.locator(".state")).to_contain_text("有人")
        expect(tile).to_have_attribute("data-state", "alarm", timeout=15_000)
        expect(tile.locator(".stage")).to_contain_text("将上报校长")
        assert mistakes(page) == []
        expect(tile.locator(".stage")).to_contain_text("已上报校长", timeout=15_000)
        assert page.locator("#tiles > li").first.get_attribute("data-water") == "s1/pond"
        picture(page, tmp_path, "principal")
        tile.locator(".send input").fill("南门保安")
        tile.locator(".send button").click()
        expect(tile.locator(".sent-who")).to_contain_text("南门保安 前往")
        expect(tile.locator(".stage")).to_be_hidden()
        pond.event("zone", "water-person", active=False)
        expect(tile).to_have_attribute("data-state", "clear")
        pond.event("beam", "fault")
        pool = page.locator('[data-water="s1/pool"]')
        expect(pool).to_have_attribute("data-state", "unknown")
        expect(pool.locator(".blind")).to_contain_text("池边光束")
        assert fits(page)
        assert mistakes(page) == []
        picture(page, tmp_path, "unknown")


def test_a_phone_shows_the_board_and_checks_in_at_a_printed_code(
    browser: Browser, server: DrillServer, pond: PondAgent, tmp_path: Path
) -> None:
    del pond
    with looking(browser, server, "/water/codes") as page:
        expect(page.locator(".codes svg")).to_have_count(2)
        assert mistakes(page) == []
        picture(page, tmp_path, "codes")
    database = connect(sqlite_address(server.data / "campus.db"))
    with database.read.connect() as connection:
        found = tokens(connection, load_waters(server.data).water)
    database.close()
    token = next(t for t, place in found.items() if place[1] == "pond")
    with looking(browser, server, "/water") as page:
        expect(page.locator('[data-water="s1/pond"] .overdue')).to_contain_text("已逾期")
    with looking(browser, server, f"/p/{token}", PHONE) as page:
        expect(page.locator("h1")).to_contain_text("荷花池")
        assert fits(page)
        assert mistakes(page) == []
        for item in ("sign", "ring", "rope"):
            page.check(f'[name="{item}"][value="yes"]')
        page.check('[name="pole"][value="no"]')
        picture(page, tmp_path, "phone")
        page.click('button[type="submit"]')
        expect(page.locator("#result")).to_contain_text("已入隐患台账")
        page.goto(f"{server.url}/water")
        tile = page.locator('[data-water="s1/pond"]')
        expect(tile.locator('.gear[data-there="false"]')).to_contain_text("救生竿")
        expect(tile.locator(".register")).to_contain_text(NAME)
        expect(tile.locator(".overdue")).to_have_count(0)
        assert fits(page)
        assert mistakes(page) == []
        picture(page, tmp_path, "phone-board")
        page.goto(f"{server.url}/p/nonsense")
        expect(page.locator(".sent")).to_contain_text("没有对应的巡查点")


def test_a_visit_without_a_network_is_kept_on_the_phone_and_recorded_once(
    browser: Browser, server: DrillServer, pond: PondAgent
) -> None:
    del pond
    database = connect(sqlite_address(server.data / "campus.db"))
    with database.read.connect() as connection:
        found = tokens(connection, load_waters(server.data).water)
    token = next(t for t, place in found.items() if place[1] == "pool")
    query = "SELECT COUNT(*) FROM water_patrols WHERE water = 'pool'"
    with looking(browser, server, f"/p/{token}", PHONE) as page:
        expect(page.locator('[data-link="page"][data-state="ok"]')).to_be_visible(timeout=60_000)
        page.context.set_offline(True)
        for box in page.locator('[value="yes"]').all():
            box.check()
        page.click('button[type="submit"]')
        expect(page.locator("#result")).to_contain_text("已存在手机里，1 条")
        page.context.set_offline(False)
        expect(page.locator("#result")).to_contain_text("已记录", timeout=60_000)
        page.reload()
        expect(page.locator("#checkin")).to_be_visible()
        assert page.evaluate("localStorage.getItem('patrols')") == "[]"
    with database.read.connect() as connection:
        assert connection.execute(text(query)).scalar() == 1
    database.close()
