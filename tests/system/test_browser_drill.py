"""A drill in a browser: board, codes, roll call without a network, record, and a real alarm that breaks through."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import PHONE, mistakes, wait_on
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


def test_the_board_shows_the_drill_as_it_goes(campus: Campus, context: BrowserContext) -> None:
    drill = campus.plan()
    board, errors = opened(context, campus, f"/drills/{drill}/board")
    lead, more = opened(context, campus, f"/drills/{drill}")
    expect(board.locator("#phase")).to_have_text("未开始")
    with ExitAgent(campus.server, "gate") as agent:
        lead.get_by_role("button", name="发出疏散信号，开始计时").click()
        expect(board.locator("#phase")).to_have_text("正在疏散")
        for i in range(30):
            agent.cross(i % 2, quality=0.9 if i == 0 else 1.0)
        expect(board.locator("#people")).to_have_text("29–31", timeout=8000)
        assert "30 / 60" not in board.locator("#people").inner_text()
        campus.report(drill, 0)
        campus.report(drill, 1, present=19)
        expect(board.locator('[data-class="c0"]')).to_have_attribute("data-state", "fine", timeout=8000)
        expect(board.locator('[data-class="c1"]')).to_contain_text("缺 1")
        expect(board.locator("#clock .big")).not_to_have_text("0:00")
        assert mistakes(board) == []
        assert board.evaluate("document.documentElement.scrollHeight <= window.innerHeight")
        lead.get_by_role("button", name="结束演练").click()
        expect(lead.locator("#sure-text")).to_contain_text("还有 1 个班没有报，缺 1 人")
        lead.locator("#sure [value=yes]").click()
        expect(board.locator("#verdict")).to_contain_text("小学部 达标", timeout=8000)
        expect(board.locator("#verdict")).to_contain_text("出口口径")
    lead.get_by_label("发现的问题").fill("西楼梯堆放纸箱")
    lead.get_by_role("textbox", name="地点", exact=True).fill("西楼梯")
    lead.get_by_role("button", name="记下并入台账").click()
    expect(lead.locator("#problems")).to_contain_text("台账第")
    assert mistakes(lead) == []
    assert errors + more == []


def test_a_printed_code_leads_a_class_to_its_roll_in_the_drill_that_runs(
    campus: Campus, context: BrowserContext, tmp_path: Path
) -> None:
    drill = campus.plan()
    campus.post(drill, "signal", {"id": "go"})
    sheet, errors = opened(context, campus, "/drills/codes")
    codes = sheet.locator(".codes .qr svg")
    expect(codes).to_have_count(len(campus.view(drill)["result"]["roll_call"]["classes"]))
    assert mistakes(sheet) == []
    sheet.screenshot(path=tmp_path / "codes.png", full_page=True)
    phone, more = opened(context, campus, "/rollcall?class=c1")
    phone.wait_for_url(f"**/drills/{drill}/rollcall?class=c1")
    expect(phone.locator("#title")).to_have_text("一（2）班")
    assert errors + more == []
    campus.finish(drill)


def test_the_roll_call_works_without_a_network_and_is_sent_once(campus: Campus, context: BrowserContext) -> None:
    drill = campus.plan()
    campus.post(drill, "signal", {"id": "go"})
    page, errors = opened(context, campus, f"/drills/{drill}/rollcall?class=c1")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    expect(page.locator("#title")).to_have_text("一（2）班")
    expect(page.locator("#expected")).to_have_value("20")
    context.set_offline(True)
    page.get_by_role("button", name="我班已到集合点").click()
    page.locator("#present").fill("18")
    expect(page.locator("#missing")).to_have_text("缺 2 人")
    page.get_by_role("button", name="免演 加一").click()
    expect(page.locator("#missing")).to_have_text("缺 1 人")
    page.get_by_role("button", name="上报").click()
    expect(page.locator("#sent")).to_contain_text("已存在手机里，2 条")
    assert campus.view(drill)["result"]["roll_call"]["reported"] == 0
    said = time.time()
    time.sleep(1.5)
    context.set_offline(False)
    expect(page.locator("#sent")).to_contain_text("已送到指挥部", timeout=10_000)
    one = campus.view(drill)["result"]["roll_call"]["classes"][1]
    assert (one["expected"], one["present"], one["excused"], one["missing"]) == (20, 18, 1, 1)
    # Stamped when it was said, not when it was sent.
    t0 = campus.view(drill)["result"]["t0_s"]
    assert one["reported"]["seconds"] <= said - t0 + one["reported"]["plus_minus_s"] + 0.1
    page.locator("#present").fill("19")
    page.get_by_role("button", name="上报").click()
    until(lambda: campus.view(drill)["result"]["roll_call"]["classes"][1]["missing"] == 0, "the correction")
    assert mistakes(page) == []
    assert errors == []
    campus.finish(drill)


def test_the_record_prints_on_a4_and_comes_as_excel(campus: Campus, context: BrowserContext) -> None:
    before = campus.plan()
    campus.post(before, "signal", {"id": "go"})
    campus.finish(before)
    drill = campus.plan()
    campus.post(drill, "signal", {"id": "go"})
    campus.finish(drill)
    page, errors = opened(context, campus, f"/drills/{drill}/record")
    page.locator("summary").click()
    page.get_by_label("总指挥").fill("副校长")
    page.get_by_role("button", name="保存").click()
    expect(page.locator("article.a4")).to_contain_text("副校长")
    expect(page.locator("article.a4")).to_contain_text("审核人")
    assert mistakes(page) == []
    page.emulate_media(media="print")
    assert not page.locator(".top").is_visible()
    assert not page.locator("#print").is_visible()
    assert page.pdf(format="A4").startswith(b"%PDF")
    result, more = opened(context, campus, f"/drills/{drill}")
    expect(result.locator(f'#past a[href="/drills/{before}"]')).to_have_text("九月演练")
    expect(result.locator("#past li").first).to_contain_text("没有计时，不作判定")
    assert mistakes(result) == []
    assert more == []
    assert campus.client.get(f"/api/v1/drills/{drill}/record.xlsx").content.startswith(b"PK")
    assert errors == []


def test_the_list_plans_a_drill_and_says_what_physics_allows(campus: Campus, context: BrowserContext) -> None:
    page, errors = opened(context, campus, "/drills")
    expect(page.locator(".forecast")).to_contain_text("3 分钟做得到")
    page.get_by_role("button", name="新建").click()
    page.wait_for_url("**/drills/*-*")
    expect(page.locator("#phase")).to_have_text("未开始")
    assert errors == []


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
