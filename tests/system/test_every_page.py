"""Every page of a running server, by its own table of routes: a real alarm breaks through, axe finds no mistake."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

import pytest
from browsing import ARGUMENTS, CHROMIUM, GATE_HOUSE, PHONE, fits, mistakes
from drilling import NAME, SITE
from playwright.sync_api import Browser, Page, expect, sync_playwright
from rooms import ADMIN, BY_ADMIN, NOBODY, Campus, campus, routes

PATIENT_MS = 60_000


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: apt install chromium")
    with sync_playwright() as playwright:
        few = [*ARGUMENTS, "--renderer-process-limit=4"]  # forty tabs in forty processes would be 3 GB
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=few)
        yield started
        started.close()


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Generator[Campus]:
    with campus(tmp_path_factory.mktemp("rooms")) as school:
        yield school


def live(page: Page) -> None:
    expect(page.locator('[data-link="page"][data-state="ok"]')).to_be_attached(timeout=PATIENT_MS)


def test_no_page_is_left_out(school: Campus) -> None:
    assert routes() - {"/wall/{room}"} <= set(school.pages)
    assert {"/wall/kiosks", "/wall/plans", "/wall/roster", "/wall/advice"} <= set(school.pages)


def test_a_real_alarm_breaks_through_on_every_page(browser: Browser, school: Campus) -> None:
    with closing(school.context(browser, NAME)) as leader, closing(school.context(browser, ADMIN)) as admin:
        pages: dict[str, Page] = {}
        for route, path in school.pages.items():
            page = pages[route] = (admin if path in BY_ADMIN else leader).new_page()
            page.goto(school.server.url + path, timeout=PATIENT_MS)
        for page in pages.values():
            live(page)
            assert page.locator("#real-alarm").is_hidden()
        broken_through(pages, school, "lab", "紧急报警")
        pages["/"].click("article.card.critical .ack")
        for route, page in pages.items():
            expect(page.locator("#real-alarm"), route).to_be_hidden(timeout=PATIENT_MS)
        drill = school.client.post("/api/v1/drills", json={"site": SITE, "name": "十二月演练"}).json()["id"]
        school.client.post(f"/api/v1/drills/{drill}/signal", json={"id": "go"}).raise_for_status()
        broken_through(pages, school, "kitchen", "真实报警，不是演练")
        school.client.post(f"/api/v1/drills/{drill}/end", json={"id": "over"}).raise_for_status()


def broken_through(pages: dict[str, Page], school: Campus, place: str, words: str) -> None:
    """Raise a fire alarm: every page says so and sounds."""
    for page in pages.values():
        page.evaluate("delete document.body.dataset.sounded")
    school.gate.event(f"{place}-smoke", "smoke")
    for route, page in pages.items():
        card = route == "/" and words == "紧急报警"  # the wall shows what happens without a drill as its cards
        told = page.locator(f"article.card:has-text('{place}')" if card else "#real-alarm:visible")
        expect(told, route).to_contain_text("烟雾报警", timeout=PATIENT_MS)
        expect(told, route).to_contain_text("" if card else words, timeout=PATIENT_MS)
        page.wait_for_function("document.body.dataset.sounded?.startsWith('critical')", timeout=PATIENT_MS)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("dark", [False, True], ids=["by day", "by night"])
@pytest.mark.parametrize("size", [PHONE, GATE_HOUSE], ids=["phone", "gate house"])
def test_axe_finds_nothing_wrong_with_any_page(
    browser: Browser, school: Campus, size: tuple[int, int], language: str, *, dark: bool
) -> None:
    look = {"viewport": {"width": size[0], "height": size[1]}, "color_scheme": "dark" if dark else "light"}
    found: dict[str, list[str]] = {}
    with (
        closing(school.context(browser, NAME, **look)) as leader,
        closing(school.context(browser, ADMIN, **look)) as admin,
    ):
        for path in (*school.pages.values(), *NOBODY):
            page = (admin if path in BY_ADMIN else leader).new_page()
            page.goto(f"{school.server.url}{path}{'&' if '?' in path else '?'}lang={language}", timeout=PATIENT_MS)
            if path not in NOBODY:
                live(page)
            found[path] = mistakes(page) + ([] if fits(page) else ["wider than the screen"])
            page.close()
    assert {path: wrong for path, wrong in found.items() if wrong} == {}
