"""Every page of a running server, by its own table of routes: a real alarm breaks through, axe finds no mistake."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import closing
from typing import Any

import pytest
from browsing import GATE_HOUSE, PHONE, chromium, fits, mistakes
from drilling import NAME, SITE
from playwright.sync_api import Browser, Page, expect
from rooms import ADMIN, BY_ADMIN, NOBODY, Campus, campus, routes

PATIENT_MS = 60_000
pytestmark = pytest.mark.timeout(300)  # forty pages in a browser on a busy machine


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    with chromium("--renderer-process-limit=4") as browser:  # forty tabs in forty processes would be 3 GB
        yield browser


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
        sounded = re.compile("^critical")
        expect(page.locator("body"), route).to_have_attribute("data-sounded", sounded, timeout=PATIENT_MS)


LOOKS = [
    (size, dark, language) for size in (PHONE, GATE_HOUSE) for dark in (False, True) for language in ("zh-CN", "en")
]


def wrong_with(
    browser: Browser, school: Campus, look: tuple[tuple[int, int], bool, str], pages: list[str]
) -> list[str]:
    """What axe finds on these pages in one look, and whether they fit the screen; a line each."""
    size, dark, language = look
    options: dict[str, Any] = {
        "viewport": {"width": size[0], "height": size[1]}, "color_scheme": "dark" if dark else "light",
    }  # fmt: skip
    found: list[str] = []
    with (
        closing(school.context(browser, NAME, **options)) as leader,
        closing(school.context(browser, ADMIN, **options)) as admin,
    ):
        for path in pages:
            page = (admin if path in BY_ADMIN else leader).new_page()
            page.goto(f"{school.server.url}{path}?lang={language}", timeout=PATIENT_MS)
            if path not in NOBODY:
                live(page)
            wrong = mistakes(page) + ([] if fits(page) else ["wider than the screen"])
            found += [f"{path} {size} {'dark' if dark else 'light'} {language}: {one}" for one in wrong]
            page.close()
    return found


def test_axe_finds_nothing_wrong_with_any_page(browser: Browser, school: Campus) -> None:
    pages = [*school.pages.values(), *NOBODY]
    found = [wrong_with(browser, school, look, pages[i::8]) for i, look in enumerate(LOOKS)]
    assert [line for lines in found for line in lines] == []


@pytest.mark.soak
@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_wrong_with_any_page_in_any_look(
    browser: Browser, school: Campus, look: tuple[tuple[int, int], bool, str]
) -> None:
    assert wrong_with(browser, school, look, [*school.pages.values(), *NOBODY]) == []
