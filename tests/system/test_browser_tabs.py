"""Many tabs of one browser on a real server: they share one stream, and each shows every alert once, come what may."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager

import httpx
import pytest
from drilling import DrillServer, ExitAgent, served
from playwright.sync_api import Browser, Page, expect
from waiting import until

TABS = 8  # two more than the lines a browser opens to one server over HTTP/1.1
PATIENT_MS = 60_000
RECORD = """async () => {
  window.heard = [];
  const { connect } = await import("/static/shared-stream.js");
  connect("/api/v1/stream", (_name, _data, n) => { if (n !== null) window.heard.push(n); }, () => {});
}"""
NONE = "delete window.SharedWorker;"
MUTE = "window.SharedWorker = class extends EventTarget { port = new MessageChannel().port1; };"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DrillServer]:
    with served(tmp_path_factory.mktemp("tabs")) as server:
        yield server


@pytest.fixture
def client(server: DrillServer) -> Iterator[httpx.Client]:
    with closing(server.login()) as client:
        yield client


@contextmanager
def tabs(browser: Browser, client: httpx.Client, count: int, script: str = "") -> Generator[list[Page]]:
    """Open this many walls in one browser profile, all of them live."""
    with ExitStack() as stack:
        context = browser.new_context(locale="zh-CN", timezone_id="Asia/Shanghai")
        stack.callback(context.close)
        context.add_init_script(script)
        for cookie in client.cookies.jar:
            context.add_cookies([{"name": cookie.name, "value": cookie.value or "", "url": str(client.base_url)}])
        pages: list[Page] = []
        for _ in range(count):
            pages.append(context.new_page())
            pages[-1].goto(str(client.base_url), timeout=PATIENT_MS)
            live(pages[-1])
        yield pages


def live(page: Page) -> None:
    for link in ("ledger", "page"):  # the ledger's link is known only by a tick
        expect(page.locator(f'[data-link="{link}"][data-state="ok"]')).to_be_visible(timeout=PATIENT_MS)


def alert_of(client: httpx.Client, point: str) -> Callable[[], str | None]:
    """Look for the alert of a point."""

    def look() -> str | None:
        rows = client.get("/api/v1/alerts").json()
        rows = rows if isinstance(rows, list) else rows["items"]
        return next((row["id"] for row in rows if row["point"] == point), None)

    return look


def each_shows_once(pages: list[Page], alert: str) -> None:
    for page in pages:
        expect(page.locator(f'[data-told="{alert}"]')).to_have_count(1, timeout=PATIENT_MS)


def raised(agent: ExitAgent, client: httpx.Client, point: str) -> str:
    """Raise an alarm and give its alert's id."""
    agent.event(point, "smoke")
    look = alert_of(client, point)
    until(lambda: look() is not None, f"the alert of {point}")
    return str(look())


def streams(client: httpx.Client) -> float:
    """How many streams the server has open."""
    lines = client.get("/metrics").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("campus_stream_clients "))


def test_eight_tabs_share_one_stream_and_each_shows_every_alert_once(
    browser: Browser, server: DrillServer, client: httpx.Client
) -> None:
    with tabs(browser, client, TABS) as pages, ExitAgent(server, "tabs-1") as agent:
        for page in pages:
            page.evaluate(RECORD)
        each_shows_once(pages, raised(agent, client, "lab-1"))
        until(lambda: streams(client) == 1, "one stream")
        server.kill()
        for page in pages:
            expect(page.locator('[data-link="page"][data-state="lost"]')).to_be_visible(timeout=PATIENT_MS)
        agent.event("lab-2", "smoke")
        server.start()
        second = raised(agent, client, "lab-3")
        for page in pages:
            live(page)
        for alert in (str(alert_of(client, "lab-2")()), second):
            each_shows_once(pages, alert)
        last = max(page.evaluate("window.heard.at(-1)") for page in pages)
        for page in pages:
            page.wait_for_function("n => window.heard.at(-1) >= n", arg=last, timeout=PATIENT_MS)
        heard = [[n for n in page.evaluate("window.heard") if n <= last] for page in pages]
        for numbers in heard:
            assert numbers == sorted(set(numbers)), "once, in order"
            assert numbers == heard[-1][-len(numbers) :] or heard[-1] == numbers[-len(heard[-1]) :], "none left out"
        pages.pop().close()
        each_shows_once(pages, raised(agent, client, "lab-4"))


@pytest.mark.parametrize("script", [NONE, MUTE], ids=["no shared worker", "a worker that says nothing"])
def test_a_page_without_a_working_worker_keeps_a_stream_of_its_own(
    browser: Browser, server: DrillServer, client: httpx.Client, script: str
) -> None:
    name = "tabs-none" if script == NONE else "tabs-mute"
    with tabs(browser, client, 1, script) as pages, ExitAgent(server, name) as agent:
        each_shows_once(pages, raised(agent, client, f"room-of-{name}"))
        until(lambda: streams(client) == 1, "one stream")


def test_a_logout_in_one_tab_ends_all_and_the_next_login_begins_anew(
    browser: Browser, server: DrillServer, client: httpx.Client
) -> None:
    with tabs(browser, client, 2) as (one, other):
        one.locator("#leave").click()
        one.wait_for_url("**/login*", timeout=PATIENT_MS)
        other.wait_for_url("**/login*", timeout=PATIENT_MS)
        with closing(server.login()) as again:
            until(lambda: streams(again) == 0, "the stream to end")
            for cookie in again.cookies.jar:
                one.context.add_cookies([{"name": cookie.name, "value": cookie.value or "", "url": server.url}])
            for page in (one, other):
                page.goto(server.url)
                live(page)
