"""Drills on a real server with a real broker and Chromium: kills in the middle, the board, the phone, the record."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from drilling import NAME, PASSWORD, SITE, DrillServer, ExitAgent, served
from playwright.sync_api import APIResponse, Browser, BrowserContext, Page, Route, expect, sync_playwright
from waiting import until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HEARD = """async () => {
  const { connect } = await import("/static/shared-stream.js");
  await new Promise((listens) => connect("/api/v1/stream", (name) => {
    if (name === "tick") listens();
    if (name === "alert") console.log("heard");
  }, () => {}));
}"""
PHONE, SCREEN = {"width": 390, "height": 844}, {"width": 1280, "height": 800}


@dataclass
class Campus:
    """What every test here starts from."""

    server: DrillServer
    client: httpx.Client

    def plan(self, **more: Any) -> str:
        """Plan a drill; whatever an earlier test left running is ended first."""
        for one in self.running():
            self.post(one["id"], "end", {"id": f"cleanup-{one['id']}"})
        until(lambda: not self.running(), "the drill before to end")
        answer = self.client.post("/api/v1/drills", json={"site": SITE, "name": "九月演练", **more})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def running(self) -> list[dict[str, Any]]:
        return list(self.client.get("/api/v1/drills/running").json())

    def post(self, drill: str, what: str, body: Any) -> httpx.Response:
        answer = self.client.post(f"/api/v1/drills/{drill}/{what}", json=body)
        assert answer.status_code < 300, answer.text
        return answer

    def view(self, drill: str) -> dict[str, Any]:
        return dict(self.client.get(f"/api/v1/drills/{drill}").json())

    def net(self, drill: str) -> int:
        count = self.view(drill)["result"]["count"]
        return int(count["out"] - count["back"])

    def phase(self, drill: str) -> str:
        return str(self.view(drill)["result"]["phase"])

    def report(self, drill: str, n: int, present: int = 20, expected: int = 20) -> None:
        at_ms = self.client.get("/api/v1/drills/clock").json()["server_ms"]
        word = {"class_id": f"c{n}", "at_ms": at_ms, "plus_minus_ms": 10, "expected": expected, "present": present}
        self.post(drill, "roll", [{**word, "id": f"a{n}-{drill}", "kind": "arrived"}])
        self.post(drill, "roll", [{**word, "id": f"r{n}-{present}-{drill}", "kind": "reported"}])

    def finish(self, drill: str) -> None:
        """Nobody may be running when the next test begins."""
        if self.phase(drill) in {"alarm", "shelter", "evacuating"}:
            self.post(drill, "end", {"id": "cleanup"})
            until(lambda: self.phase(drill) in {"finished", "void"}, "the drill to end")


@pytest.fixture(scope="module")
def campus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campus]:
    with served(tmp_path_factory.mktemp("drills")) as server, closing(server.login()) as client:
        yield Campus(server, client)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: apt install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture
def context(browser: Browser, campus: Campus) -> Iterator[BrowserContext]:
    made = browser.new_context(locale="zh-CN", timezone_id="Asia/Shanghai", viewport=SCREEN)  # type: ignore[arg-type]
    for cookie in campus.client.cookies.jar:
        made.add_cookies([{"name": cookie.name, "value": cookie.value or "", "url": campus.server.url}])
    yield made
    made.close()


def opened(context: BrowserContext, campus: Campus, path: str) -> tuple[Page, list[str]]:
    page, errors = context.new_page(), list[str]()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(campus.server.url + path)
    return page, errors


def mistakes(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


def test_a_server_killed_in_the_middle_loses_no_crossing_and_no_second(campus: Campus) -> None:
    drill = campus.plan()
    with ExitAgent(campus.server) as agent:
        time.sleep(1.5)  # a few heartbeats bound the agent's clock
        campus.post(drill, "signal", {"id": "go"})
        pressed = time.monotonic()
        crossed: list[float] = []

        def leave(n: int) -> None:
            for i in range(n):
                agent.cross(i % 2)
                crossed.append(time.monotonic() - pressed)
                time.sleep(0.02)

        leave(20)
        campus.server.kill()  # the server and, with it, its broker
        leave(20)
        campus.server.start()
        leave(20)
        until(lambda: agent.depth == 0, "the outbox to empty")
        for n in range(3):
            campus.report(drill, n)
        until(lambda: campus.phase(drill) == "finished", "the drill to end by itself")
    result = campus.view(drill)["result"]
    assert result["count"]["out"] == 60
    assert result["ending"] == "itself"
    assert result["clear"]["trust"] == "measured"
    # The button's own way to the server is the rest of the difference.
    assert abs(result["clear"]["seconds"] - crossed[-1]) < result["clear"]["plus_minus_s"] + 0.3


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
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
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
        while not held:
            page.wait_for_timeout(50)
        page.evaluate(HEARD)
        with page.expect_console_message(lambda said: said.text == "heard", timeout=60_000):
            agent.event("boiler-smoke", "smoke")
        first, early = held[0]
        first.fulfill(response=early)
        expect(page.locator("#real-alarm")).to_contain_text("真实报警，不是演练", timeout=30_000)
        while len(asked) < 3:  # the second had no answer
            page.wait_for_timeout(50)
        expect(page.locator("#real-alarm")).to_contain_text("烟雾报警")
    campus.finish(drill)


def test_a_school_nobody_registered_is_called_by_the_name_in_its_file(campus: Campus) -> None:
    with ExitAgent(campus.server):
        until(lambda: campus.client.get("/api/v1/agents").json(), "the agent's birth")
    words = campus.client.get("/api/v1/hazards/words").json()
    assert words["sites"] == [{"id": SITE, "zh": "示例小学"}]
    found = campus.client.get("/api/v1/duties/month?year=2026&month=10&site=s1").json()
    assert {task["bearer"] for task in found if not task["subject"]} <= {"示例小学"}
    assert "示例小学" in {task["bearer"] for task in campus.client.get("/api/v1/duties/today").json()}


def test_the_list_plans_a_drill_and_says_what_physics_allows(campus: Campus, context: BrowserContext) -> None:
    page, errors = opened(context, campus, "/drills")
    expect(page.locator(".forecast")).to_contain_text("3 分钟做得到")
    page.get_by_role("button", name="新建").click()
    page.wait_for_url("**/drills/*-*")
    expect(page.locator("#phase")).to_have_text("未开始")
    assert errors == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("nothing/signal", {"id": "x"}, 404),
        ("{}/signal", {"id": "x", "signal": "party"}, 422),
        ("{}/roll", [{"id": "x", "kind": "reported", "class_id": "nobody", "at_ms": 1}], 422),
        ("{}/roll", [{"id": "x", "kind": "reported", "class_id": "c0", "at_ms": 1, "expected": 1, "present": 2}], 422),
        ("{}/problems", {"id": "x", "text": ""}, 422),
    ],
    ids=["unknown drill", "unknown signal", "unknown class", "more present than expected", "empty problem"],
)
def test_a_wrong_request_is_answered_with_one_clear_line(campus: Campus, path: str, body: Any, status: int) -> None:
    answer = campus.client.post("/api/v1/drills/" + path.format(campus.plan()), json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]


def test_a_write_without_a_session_or_its_token_is_refused(campus: Campus) -> None:
    drill = campus.plan()
    with httpx.Client(base_url=campus.server.url) as stranger:
        assert stranger.get(f"/api/v1/drills/{drill}").status_code == 401
        stranger.post("/api/v1/session", json={"name": NAME, "password": PASSWORD})
        assert stranger.post(f"/api/v1/drills/{drill}/signal", json={"id": "x"}).status_code == 403


def test_two_servers_files_of_one_school_are_refused(tmp_path: Path) -> None:
    from config import ConfigError
    from server.drills.wiring import load_schools

    file = tmp_path / "school.toml"
    file.write_text('site = "s1"\nname = "学校"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="one file a school"):
        load_schools([file, file])
