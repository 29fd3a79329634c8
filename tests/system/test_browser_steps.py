"""Every step of the ledger's machine clicked once in a real browser, and every room of duties and accounts opened."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from browsing import GATE_HOUSE, PHONE, fits, mistakes
from drilling import PASSWORD, SITE, DrillServer, served
from openpyxl import load_workbook
from playwright.sync_api import Browser, Page, expect
from test_browser_ledger import person

from server.accounts import users
from server.accounts.permissions import Role
from server.accounts.reach import Reach
from server.database import connect, sqlite_address
from server.ledger.machine import TRANSITIONS

PEOPLE = {
    "网格甲": Role.GRID, "安全乙": Role.SAFETY, "校长丙": Role.PRINCIPAL, "市局丁": Role.CITY, "管理戊": Role.ADMIN,
}  # fmt: skip
PATIENT_MS = 20_000
FIRST_PASSWORD = re.compile(r"^[a-z2-9]{5}(-[a-z2-9]{5}){2}$")
DUE = f"{datetime.now(UTC) + timedelta(days=40):%Y-%m-%dT08:00}"
LATER = f"{datetime.now(UTC) + timedelta(days=60):%Y-%m-%dT08:00}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DrillServer]:
    with served(tmp_path_factory.mktemp("steps")) as server:
        database = connect(sqlite_address(Path(server.data) / "campus.db"))
        with database.write.begin() as connection:
            for name, role in PEOPLE.items():
                users.add(
                    connection,
                    name,
                    role,
                    PASSWORD,
                    datetime.now(UTC),
                    Reach() if name[2] in "丁戊" else Reach.of(SITE),
                )
        database.close()
        yield server


def asked(page: Page, server: DrillServer, path: str, **body: Any) -> Any:
    token = page.request.get(f"{server.url}/api/v1/session").json()["csrf"]
    answer = page.request.post(f"{server.url}/api/v1{path}", data=body, headers={"X-CSRF-Token": token})
    assert answer.ok, answer.text()
    return answer.json()


def found(page: Page, server: DrillServer, what: str) -> dict[str, Any]:
    body = {"description": what, "place": "食堂", "category": "fire", "site": SITE}
    return asked(page, server, "/hazards", **body)


def take(page: Page, text: str, state: str, **fields: str) -> None:
    """Take one step, whether it is the main one or among the others, and see the state it leads to."""
    expect(page.locator("#next")).to_be_visible()
    main = page.locator(".main-step", has_text=text)
    main.or_(page.locator(".steps button", has_text=f"{text}…")).first.click()  # another's step may still be on its way
    for name, value in fields.items():
        place = page.locator(f".step-form [name={name}]")
        if place.evaluate("e => e.tagName") == "SELECT":
            place.select_option(value)
        else:
            place.fill(value)
    page.locator(".step-form button[type=submit]").click()
    expect(page.locator(".step-form")).to_have_count(0, timeout=20_000)
    expect(page.locator(".badge").first).to_have_text(state, timeout=20_000)


def test_every_step_of_the_machine_is_clicked_once(browser: Browser, server: DrillServer) -> None:
    clicked: set[str] = set()

    def go(page: Page, action: str, state: str, **fields: str) -> None:
        take(page, next(t.zh for t in TRANSITIONS if t.action == action), state, **fields)
        clicked.add(action)

    with (
        person(browser, server, "网格甲") as fixer,
        person(browser, server, "安全乙") as safety,
        person(browser, server, "校长丙") as head,
        person(browser, server, "市局丁") as city,
    ):
        hazard = found(fixer, server, "宿舍应急灯不亮")
        for page in (fixer, safety, head, city):
            page.goto(f"{server.url}/hazards/{hazard['id']}")
        go(fixer, "edit", "发现", grid="宿舍网格")
        go(fixer, "register", "登记")
        go(safety, "judge", "研判", grade="general", layer="school-dated", term="dated")
        go(safety, "assign", "交办", responsible="网格甲", measures="更换", interim="设专人", deadline=DUE)
        go(fixer, "start", "整改中")
        go(head, "extend", "整改中", deadline=LATER, reason="灯具未到货")
        go(city, "escalate", "整改中", supervision="city", reason="多次复发")
        go(fixer, "submit", "申请验收", result="换了两盏")
        go(safety, "return", "整改中", reason="还有一盏不亮")
        go(fixer, "submit", "申请验收", result="全部更换")
        go(safety, "accept", "验收", conclusion="合格")
        go(head, "close", "销号")
        go(safety, "recur", "发现", reason="又坏了")
        expect(safety.locator("main")).to_contain_text("复发")
        order = {"responsible": "网格甲", "measures": "再换", "interim": "设专人", "deadline": DUE}
        again: list[tuple[Page, str, str, dict[str, str]]] = [
            (fixer, "register", "登记", {}), (safety, "judge", "研判", {"grade": "general", "layer": "school-now"}),
            (safety, "assign", "交办", order), (fixer, "start", "整改中", {}),
            (fixer, "submit", "申请验收", {"result": "好了"}), (safety, "accept", "验收", {"conclusion": "合格"}),
            (head, "close", "销号", {}), (head, "archive", "归档", {}),
        ]  # fmt: skip
        for page, action, state, fields in again:
            page.reload()
            go(page, action, state, **fields)
        other = found(fixer, server, "烟感误报")
        safety.goto(f"{server.url}/hazards/{other['id']}")
        go(safety, "false-alarm", "误报", false_cause="insect", reason="有小虫")
        target, twin = found(fixer, server, "护栏松动"), found(fixer, server, "三楼护栏松动")
        safety.goto(f"{server.url}/hazards/{twin['id']}")
        go(safety, "merge", "合并", into=target["number"], reason="同一处")
        proof = safety.request.get(f"{server.url}/api/v1/hazards/verify").json()
    assert clicked == {transition.action for transition in TRANSITIONS}
    assert proof["whole"], proof


def test_the_register_goes_out_as_excel_and_a_file_with_a_mistake_is_refused(
    browser: Browser, server: DrillServer, tmp_path: Path
) -> None:
    with person(browser, server, "安全乙") as page:
        found(page, server, '=HYPERLINK("http://x","点我")')
        page.goto(f"{server.url}/hazards")
        with page.expect_download() as waiting:
            page.locator("#export").click()
        file = tmp_path / "register.xlsx"
        waiting.value.save_as(file)
        book = load_workbook(io.BytesIO(file.read_bytes()))
        cells = [cell for row in book.worksheets[0].iter_rows() for cell in row if "HYPERLINK" in str(cell.value)]
        assert cells
        assert {cell.data_type for cell in cells} == {"s"}
        bad = tmp_path / "bad.xlsx"
        for n in range(2, book.worksheets[0].max_row + 1):
            book.worksheets[0].cell(row=n, column=5, value="去年")  # 发现时间
        book.save(bad)
        page.set_input_files("#import", bad)
        expect(page.locator("#imported")).to_contain_text("第 2 行", timeout=20_000)


def test_the_week_is_judged_in_place_and_concluded(browser: Browser, server: DrillServer) -> None:
    with person(browser, server, "安全乙") as page:
        found(page, server, "周研判要研判的")
        page.goto(f"{server.url}/hazards/review")
        expect(page.locator("#stand")).not_to_be_empty(timeout=PATIENT_MS)  # drawn
        assert page.locator("[data-judge]").count() >= 1
        while page.locator("[data-judge]").count():  # what other tests left, too
            left = page.locator("[data-judge]").count()
            page.locator("[data-judge]").first.click()
            form = page.locator(".review-card .step-form")
            form.locator("button[type=submit]").click()  # with what is known: refused, and what was typed stays
            expect(form.locator(".failed")).not_to_be_empty(timeout=PATIENT_MS)
            given = {"place": "食堂", "category": "fire", "grade": "general", "layer": "school-dated", "term": "dated",
                     "responsible": "网格甲", "measures": "清理", "interim": "警示", "deadline": DUE}  # fmt: skip
            for name, value in given.items():
                if (field := form.locator(f"[name={name}]")).count():
                    _ = (
                        field.select_option(value)
                        if field.evaluate("e => e.tagName") == "SELECT"
                        else field.fill(value)
                    )
            form.locator("button[type=submit]").click()
            expect(form).to_have_count(0, timeout=PATIENT_MS)
            expect(page.locator("[data-judge]")).to_have_count(left - 1, timeout=PATIENT_MS)
        expect(page.locator("#conclude")).to_be_enabled(timeout=PATIENT_MS)
        for name, value in (("host", "安全乙"), ("present", "校长丙"), ("minutes", "逐条研判，明确到人。")):
            page.fill(f"#m-{name}", value)
        page.locator("#conclude").click()
        expect(page.locator("#stand")).to_contain_text("本周研判已结束", timeout=PATIENT_MS)
        assert mistakes(page) == []
        page.locator("#pack").click()
        expect(page.locator(".a4")).to_contain_text("逐条研判，明确到人。", timeout=PATIENT_MS)


def test_the_rooms_of_duties_and_accounts_read_well_and_work(browser: Browser, server: DrillServer) -> None:
    with person(browser, server, "管理戊") as admin, person(browser, server, "安全乙") as safety:
        admin.goto(f"{server.url}/people")
        admin.fill("#add [name=name]", "新来的老师")
        admin.select_option("#add [name=role]", "teacher")
        admin.fill("#add [name=reach]", SITE)
        admin.click("#add button[type=submit]")
        expect(admin.locator("#once .code")).to_have_text(FIRST_PASSWORD)
        expect(admin.locator("#people tbody")).to_contain_text("新来的老师")
        well(admin)
        admin.goto(f"{server.url}/audit")
        expect(admin.locator("#audit tbody")).to_contain_text("添加账号")
        well(admin)
        safety.goto(f"{server.url}/account")
        safety.fill("#name", "日报")
        safety.locator("#scopes label", has_text="看隐患台账").click()
        safety.click("#token button[type=submit]")
        expect(safety.locator("#once .code")).to_contain_text("cw_")
        well(safety)
        token = safety.request.get(f"{server.url}/api/v1/session").json()["csrf"]
        school = {"site": SITE, "kind": "school", "id": SITE, "name": "示例小学", "stage": "primary"}
        headers = {"X-CSRF-Token": token}
        assert safety.request.put(f"{server.url}/api/v1/duties/subjects", data=school, headers=headers).ok
        for path, words in (("/duties", "三防"), ("/duties/month", "三防"), ("/duties/coverage", "合计"),
                            ("/duties/calendar", "校历"), ("/duties/checkpoints", "巡查点")):  # fmt: skip
            safety.goto(f"{server.url}{path}")
            expect(safety.locator("main")).to_contain_text(words, timeout=20_000)
            well(safety)
        point = asked(safety, server, "/duties/checkpoints", name="食堂后厨")
        safety.goto(f"{server.url}/c/{point['token']}")
        safety.click("#visit")
        expect(safety.locator("#said")).to_contain_text("已记录：食堂后厨", timeout=20_000)
        well(safety)


def well(page: Page) -> None:
    """No axe violation, nothing wider than the screen, on a phone and at the gate."""
    for size in (PHONE, GATE_HOUSE):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        assert fits(page), page.url
    assert mistakes(page) == [], page.url
