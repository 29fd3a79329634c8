"""A screen at a post through restarts of its browser, a plan from its upload to the wall, the course of a point."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from browsing import ARGUMENTS, CHROMIUM, chromium, mistakes
from drilling import NAME
from playwright.sync_api import Browser, Page, expect, sync_playwright
from rooms import ADMIN, Campus, campus
from waiting import until

PATIENT_MS = 60_000
pytestmark = pytest.mark.timeout(300)  # whole browsers that start again, on a busy machine


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Generator[Campus]:
    with campus(tmp_path_factory.mktemp("screens")) as school:
        yield school


@contextmanager
def browser_of_a_screen(folder: Path) -> Generator[Page]:
    """Start the browser of a device: what it remembers lies in this folder."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: apt install chromium")
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            folder, executable_path=CHROMIUM, args=ARGUMENTS, locale="zh-CN", timezone_id="Asia/Shanghai"
        )
        yield context.pages[0]
        context.close()


@contextmanager
def leading(browser: Browser, school: Campus, path: str) -> Generator[Page]:
    """A page of the school's head of drills."""
    with closing(school.context(browser, NAME)) as context:
        page = context.new_page()
        page.goto(school.server.url + path, timeout=PATIENT_MS)
        yield page


def live(page: Page) -> None:
    expect(page.locator('[data-link="page"][data-state="ok"]')).to_be_visible(timeout=PATIENT_MS)


def test_a_screen_stays_logged_in_when_its_browser_starts_again_until_it_is_revoked(
    school: Campus, tmp_path: Path
) -> None:
    with school.client_of(ADMIN) as admin:
        code = admin.post("/api/v1/kiosks", json={"name": "岗亭屏"}).json()["code"]
        with browser_of_a_screen(tmp_path) as page:
            page.goto(f"{school.server.url}/kiosk#{code}")
            page.click("button.first")
            live(page)
        school.gate.event("hall-smoke", "smoke")
        with browser_of_a_screen(tmp_path) as page:
            page.goto(school.server.url)
            live(page)
            expect(page.locator(".self .who")).to_have_text("岗亭屏")
            assert page.locator("#leave").count() == 0
            card = page.locator("article.card:has-text('hall-smoke')")
            card.locator(".ack").click(timeout=PATIENT_MS)
            expect(card.locator(".who")).to_contain_text("岗亭屏", timeout=PATIENT_MS)
            assert admin.delete("/api/v1/kiosks/岗亭屏").status_code == 204
            page.wait_for_url(re.compile("/login"), timeout=PATIENT_MS)
        with browser_of_a_screen(tmp_path) as page:
            page.goto(school.server.url)
            page.wait_for_url(re.compile("/login"), timeout=PATIENT_MS)


def test_a_plan_is_uploaded_its_points_are_placed_and_the_wall_shows_them_there(school: Campus, tmp_path: Path) -> None:
    file = tmp_path / "plan.jpg"
    file.write_bytes(cv2.imencode(".jpg", np.full((450, 800, 3), 230, np.uint8))[1].tobytes())
    with chromium() as browser, leading(browser, school, "/wall/plans") as page:
        live(page)
        page.fill("#name", "一楼")
        page.set_input_files("#file", file)
        page.click("#upload .first")
        plan = page.locator(".plan-edit", has=page.locator("h2:text-is('一楼')"))
        plan.locator("select option", has_text="水位").wait_for(state="attached", timeout=PATIENT_MS)
        plan.locator("select").select_option(label="水位")
        plan.get_by_role("button", name="放到图上").click()
        spot, sheet = plan.locator(".spot"), plan.locator(".plan-sheet").bounding_box()
        assert sheet is not None
        spot.scroll_into_view_if_needed()
        box, sheet = spot.bounding_box(), plan.locator(".plan-sheet").bounding_box()
        assert box is not None
        assert sheet is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(sheet["x"] + 0.25 * sheet["width"], sheet["y"] + 0.8 * sheet["height"], steps=4)
        page.mouse.up()
        spot.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")

        def placed() -> tuple[float, float] | None:
            plans = school.client.get("/api/v1/wall").json()["plans"]
            spots = next(one for one in plans if one["name"] == "一楼")["points"]
            return (spots[0]["x"], spots[0]["y"]) if spots else None

        until(lambda: placed() == (pytest.approx(0.27, abs=0.01), pytest.approx(0.8, abs=0.01)), "the place")
        page.goto(school.server.url)
        live(page)
        shown = page.locator("#plan .spot")
        expect(shown).to_have_attribute("style", re.compile(r"left: 2[67][.\d]*%; top: (79|80)"), timeout=PATIENT_MS)
        expect(shown).to_have_attribute("aria-label", re.compile("水位"))
        natural = page.locator("#plan img").evaluate("image => [image.naturalWidth, image.naturalHeight]")
        assert natural == [800, 450]


def test_the_course_of_a_point_keeps_its_spike_from_an_hour_to_a_year_with_limits_and_events(school: Campus) -> None:
    school.pond.values(9.9)
    school.pond.event("level", "water-level")
    with chromium() as browser, leading(browser, school, "/points") as page:
        page.locator("#points a", has_text="水位").first.click(timeout=PATIENT_MS)
        for span in ("1 小时", "1 天", "1 周", "1 月", "1 年"):
            until(lambda span=span: spiked(page, span), f"the spike in {span}")
            expect(page.locator("line.limit")).to_have_count(1)
            expect(page.locator(".limit-text")).to_have_text("高限 1.6 m")
            expect(page.locator("rect.stood")).to_have_count(1)
            expect(page.locator("main .rows")).to_contain_text("水位越限")
        assert mistakes(page) == []
        spans: list[str] = []
        while page.locator(".plot a").count():
            page.locator(".plot a").last.click()
            spans.append(page.locator(".spans [aria-current]").inner_text())
            assert len(spans) < 9
        assert spans == ["1 月", "1 周", "1 天", "1 小时"]
        assert spiked(page, "1 小时")


def spiked(page: Page, span: str) -> bool:
    """Show this span; tell whether its highest value and its tallest stroke are the spike's."""
    page.get_by_role("link", name=span, exact=True).click()
    expect(page.locator(".spans [aria-current]")).to_have_text(span)
    if page.locator("path.course").count() == 0:
        return False
    path = page.locator("path.course").get_attribute("d") or ""
    tops = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)V", path)]
    return "最高 9.9 m" in page.locator("main").inner_text() and bool(tops) and min(tops) < max(tops) / 2
