"""One hazard from 发现 to 销号 in a real browser on a real server: two people, forms, refusals, papers."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from browsing import BIG, GATE_HOUSE, PHONE, fits, mistakes
from drilling import PASSWORD, SITE, DrillServer, served
from playwright.sync_api import Browser, Page, expect

from server.accounts import users
from server.accounts.permissions import Role
from server.accounts.reach import Reach
from server.database import connect, sqlite_address

FIXER, VERIFIER = "网格甲", "安全乙"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DrillServer]:
    with served(tmp_path_factory.mktemp("ledger")) as server:
        with_people(server)
        yield server


def with_people(server: DrillServer) -> None:
    """Let one in who mends and one who judges."""
    database = connect(sqlite_address(Path(server.data) / "campus.db"))
    with database.write.begin() as connection:
        for name, role in ((FIXER, Role.GRID), (VERIFIER, Role.SAFETY)):
            users.add(connection, name, role, PASSWORD, datetime.now(UTC), Reach.of(SITE))
    database.close()


@contextmanager
def person(browser: Browser, server: DrillServer, name: str) -> Generator[Page]:
    context = browser.new_context(
        viewport={"width": GATE_HOUSE[0], "height": GATE_HOUSE[1]}, locale="zh-CN", timezone_id="Asia/Shanghai"
    )
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    token = context.request.post(f"{server.url}/api/v1/session", data={"name": name, "password": PASSWORD})
    assert token.ok
    yield page
    context.close()
    assert errors == []


def step(page: Page, text: str, **fields: str) -> None:
    """Take the next step: the one prominent button, its form, and the entry drawn again."""
    button = page.locator(".main-step")
    expect(button).to_have_text(text)
    button.click()
    for name, value in fields.items():
        place = page.locator(f".step-form [name={name}]")
        if place.evaluate("e => e.tagName") == "SELECT":
            place.select_option(value)
        else:
            place.fill(value)
    page.locator(".step-form button[type=submit]").click()
    expect(page.locator(".step-form")).to_have_count(0)


def everywhere(page: Page) -> None:
    """Read well at three sizes, by day and by night."""
    for size in (PHONE, GATE_HOUSE, BIG):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        assert fits(page)
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)  # pyright: ignore[reportArgumentType]
        assert mistakes(page) == []
    page.set_viewport_size({"width": GATE_HOUSE[0], "height": GATE_HOUSE[1]})


def test_one_hazard_from_its_finding_to_its_closing(browser: Browser, server: DrillServer) -> None:
    with person(browser, server, FIXER) as fixer, person(browser, server, VERIFIER) as verifier:
        fixer.goto(f"{server.url}/hazards/report")
        fixer.fill("[name=description]", "食堂后门消防通道堆放杂物")
        fixer.click(".step-form button[type=submit]")
        fixer.wait_for_url(re.compile(r"/hazards/\d+$"))
        hazard = fixer.url
        expect(fixer.locator(".lacks")).to_have_text("还缺 部位、分类")
        step(fixer, "登记", place="食堂后门", category="fire")
        expect(fixer.locator(".waits")).to_contain_text("研判")

        verifier.goto(f"{server.url}/hazards")
        verifier.locator("tbody .what a", has_text="食堂后门").click()
        due = "2099-01-01T08:00"
        step(verifier, "研判", grade="general", layer="school-now", interim="设专人看守")
        expect(verifier.locator(".lacks")).to_contain_text("明确责任人")
        verifier.locator(".main-step").click()
        verifier.fill(".step-form [name=deadline]", due)
        verifier.fill(".step-form [name=responsible]", FIXER)
        verifier.fill(".step-form [name=measures]", "清走杂物，划线")
        verifier.click(".step-form button[type=submit]")
        expect(verifier.locator(".step-form .failed")).to_contain_text("太远")  # refused: nothing typed is lost
        expect(verifier.locator(".step-form [name=measures]")).to_have_value("清走杂物，划线")
        verifier.fill(".step-form [name=deadline]", "")
        verifier.click(".step-form button[type=submit]")
        expect(verifier.locator(".badge").first).to_have_text("交办")

        expect(fixer.locator(".badge").first).to_have_text("交办")  # by the live stream
        step(fixer, "开始整改")
        step(fixer, "申请验收", result="已清走")
        expect(fixer.locator(".waits")).to_contain_text("验收合格")
        step(verifier, "验收合格", conclusion="现场看过，合格")
        everywhere(verifier)
        step(verifier, "销号")
        expect(verifier.locator(".badge").first).to_have_text("销号")
        for paper in ("record", "notice", "opinion"):
            verifier.goto(f"{hazard}/{paper}")
            expect(verifier.locator(".a4")).to_contain_text("食堂后门")
        assert mistakes(verifier) == []
        verifier.goto(f"{server.url}/hazards/packs/week")
        expect(verifier.locator(".a4")).to_contain_text("待研判")


def test_the_table_is_found_filtered_and_read_everywhere(browser: Browser, server: DrillServer) -> None:
    with person(browser, server, VERIFIER) as page:
        token = page.request.get(f"{server.url}/api/v1/session").json()["csrf"]
        finding = {"description": "灭火器压力不足", "place": "实验楼", "category": "fire"}
        page.request.post(f"{server.url}/api/v1/hazards", data=finding, headers={"X-CSRF-Token": token})
        page.goto(f"{server.url}/hazards")
        page.select_option("select[name=category]", "fire")
        expect(page.locator(".chip")).to_have_text("消防 ×")
        expect(page.locator("tbody tr")).not_to_have_count(0)
        page.keyboard.press("Escape")
        page.locator("h1").click()
        page.keyboard.press("/")
        page.keyboard.type("没有这样的")
        page.keyboard.press("Enter")
        expect(page.locator("#none")).to_have_text("没有符合条件的隐患。")
        page.locator(".chip", has_text="没有这样的").click()
        page.locator("[data-view=open]").click()
        expect(page.locator("[data-view=open]")).to_have_attribute("aria-pressed", "true")
        everywhere(page)
