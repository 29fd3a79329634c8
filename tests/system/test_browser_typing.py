"""What a person is filling in stays on the page, whatever comes from the server meanwhile."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from drilling import SITE, DrillServer, served
from playwright.sync_api import Browser, Page, Route, expect
from test_browser_ledger import VERIFIER, person, with_people


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DrillServer]:
    with served(tmp_path_factory.mktemp("typing")) as server:
        with_people(server)
        yield server


def asked(page: Page, server: DrillServer, path: str, method: str = "POST", **body: Any) -> Any:
    token = page.request.get(f"{server.url}/api/v1/session").json()["csrf"]
    headers = {"X-CSRF-Token": token}
    answer = page.request.fetch(f"{server.url}/api/v1{path}", method=method, data=body, headers=headers)
    assert answer.ok, answer.text()
    return answer.json()


@contextmanager
def held(page: Page, address: str) -> Generator[list[Route]]:
    """Hold the next reading of an address up until the block ends, as a busy server would."""
    waiting: list[Route] = []
    page.route(address, lambda route: waiting.append(route), times=1)  # noqa: PLW0108 - it marks what it is given
    yield waiting
    for route in waiting:
        with page.expect_response(address):
            route.continue_()


def caught(page: Page, waiting: list[Route]) -> None:
    for _ in range(400):
        if waiting:
            return
        page.wait_for_timeout(50)
    raise AssertionError("the page did not read again")


def test_a_form_of_the_week_outlives_a_reading_that_began_before_it(browser: Browser, server: DrillServer) -> None:
    with person(browser, server, VERIFIER) as page:
        asked(page, server, "/hazards", description="护栏松动", place="三楼", site=SITE)
        page.goto(f"{server.url}/hazards/review")
        page.wait_for_selector("[data-judge]")
        form = page.locator(".review-card .step-form")
        with held(page, "**/api/v1/reviews**") as waiting:
            asked(page, server, "/hazards", description="插座松动", place="四楼", site=SITE)
            caught(page, waiting)
            page.locator("[data-judge]").first.click()
            form.locator("[name=measures]").fill("加固护栏")
            form.locator("button[type=submit]").click()
            expect(form.locator(".failed")).not_to_be_empty(timeout=20_000)
        page.wait_for_timeout(300)  # the answer has come; what it would do, it has done
        expect(form.locator("[name=measures]")).to_have_value("加固护栏", timeout=20_000)
        expect(form.locator(".failed")).not_to_be_empty(timeout=20_000)
        form.locator("button[type=button]").click()
        expect(page.locator("[data-judge]")).to_have_count(2, timeout=20_000)  # what was held back comes now


def test_a_step_outlives_a_reading_that_began_before_it_and_says_who_was_first(
    browser: Browser, server: DrillServer
) -> None:
    with person(browser, server, VERIFIER) as page:
        hazard = asked(page, server, "/hazards", description="井盖破损", place="操场", site=SITE)
        page.goto(f"{server.url}/hazards/{hazard['id']}")
        page.wait_for_selector(".main-step")
        with held(page, f"**/api/v1/hazards/{hazard['id']}") as waiting:
            step = {"version": hazard["version"], "grid": "操场网格"}
            asked(page, server, f"/hazards/{hazard['id']}/edit", **step)
            caught(page, waiting)
            page.locator(".main-step").click()
            page.fill(".step-form [name=place]", "操场东侧")
        expect(page.locator("#changed")).to_be_visible(timeout=20_000)
        expect(page.locator(".step-form [name=place]")).to_have_value("操场东侧")
        page.locator("#changed button").click()
        expect(page.locator("main")).to_contain_text("操场网格", timeout=20_000)


def test_recording_one_duty_leaves_what_was_typed_for_another(browser: Browser, server: DrillServer) -> None:
    with person(browser, server, VERIFIER) as page:
        asked(page, server, "/duties/subjects", "PUT", site=SITE, kind="school", id=SITE, name="示例小学")
        page.goto(f"{server.url}/duties")
        training = page.locator("section", has_text="安全管理人员培训")
        guards = page.locator("section", has_text="三防：专职保安配备")
        training.locator("[name=内容]").fill("消防设施使用")
        guards.locator("[name=amount]").fill("100")
        guards.locator("button").click()
        expect(guards).to_have_class("sheet done", timeout=20_000)
        expect(training.locator("[name=内容]")).to_have_value("消防设施使用")
