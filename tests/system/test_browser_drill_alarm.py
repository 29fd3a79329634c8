"""A real alarm while a drill runs breaks through on every page of a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browsing import wait_on
from drill_room import Campus, opened, profile, school
from drilling import ExitAgent
from playwright.sync_api import APIResponse, Browser, BrowserContext, Route, expect
from waiting import until

HEARD = """async () => {
  const { connect } = await import("/static/shared-stream.js");
  await new Promise((listens) => connect("/api/v1/stream", (name) => {
    if (name === "tick") listens();
    if (name === "alert") console.log("heard");
  }, () => {}));
}"""


@pytest.fixture(scope="module")
def campus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campus]:
    yield from school(tmp_path_factory.mktemp("drills"))


@pytest.fixture
def context(browser: Browser, campus: Campus) -> Iterator[BrowserContext]:
    yield from profile(browser, campus)


def test_a_real_alarm_in_a_drill_breaks_through_on_every_page(campus: Campus, context: BrowserContext) -> None:
    drill = campus.plan(armed_minutes=5)
    with ExitAgent(campus.server, "gate") as agent:
        agent.event("siren", "fire")
        until(lambda: campus.phase(drill) == "evacuating", "the siren to start the drill")
        pages = [opened(context, campus, path)[0] for path in ("/", "/points", f"/drills/{drill}/board", "/rollcall")]
        for page in pages[:2]:
            expect(page.locator("#drill-now")).to_contain_text("演练进行中")
        assert pages[0].locator("#real-alarm").is_hidden(), "the drill's own signal is no real alarm"
        agent.event("lab-smoke", "smoke")
        for page in pages:
            expect(page.locator("#real-alarm")).to_contain_text("真实报警，不是演练", timeout=8000)
            expect(page.locator("#real-alarm")).to_contain_text("烟雾报警")
    campus.finish(drill)


def test_an_alarm_that_comes_while_a_page_asks_what_runs_is_not_missed(campus: Campus, context: BrowserContext) -> None:
    drill = campus.plan()
    campus.post(drill, "signal", {"id": "go"})
    page, held, asked = context.new_page(), list[tuple[Route, APIResponse]](), list[Route]()

    def answer(route: Route) -> None:
        asked.append(route)
        if len(asked) == 1:
            held.append((route, route.fetch()))  # of a time before the alarm; given when the alarm has come
        elif len(asked) == 2:
            route.fulfill(status=503, body="{}")
        else:
            route.continue_()

    page.route("**/api/v1/drills/running", answer)
    with ExitAgent(campus.server, "gate") as agent:
        page.goto(f"{campus.server.url}/drills/{drill}/board")
        wait_on(page, lambda: held, "the page asks what runs")
        page.evaluate(HEARD)
        with page.expect_console_message(lambda said: said.text == "heard", timeout=60_000):
            agent.event("boiler-smoke", "smoke")
        first, early = held[0]
        first.fulfill(response=early)
        expect(page.locator("#real-alarm")).to_contain_text("真实报警，不是演练", timeout=30_000)
        wait_on(page, lambda: len(asked) >= 3, "it asks again, for the second had no answer")
        expect(page.locator("#real-alarm")).to_contain_text("烟雾报警")
    campus.finish(drill)
