"""The register in Excel: what goes out comes back as text, and a bad file is refused in a sentence a mistake."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from ledger_clock import NOW
from openpyxl import Workbook, load_workbook

from server.accounts.permissions import Role
from server.accounts.reach import Reach
from server.database import Database
from server.ledger import papers
from server.ledger.actions import Finding, report
from server.ledger.excel import REGISTER, findings, register, take_in
from server.ledger.guards import Actor, ImportRefusedError
from server.ledger.packs import month, week
from server.ledger.query import Wanted, page
from server.ledger.sensors import Ledger
from server.ledger.sheets import MOST_BYTES, read_apart

SAFETY = Actor("李安全", Role.SAFETY, Reach.of("yx-1"))


def sheet(*rows: tuple[str | None, ...]) -> bytes:
    book = Workbook()
    active = book.active
    assert active is not None
    for row in rows:
        active.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


HEADER = ("发现时间", "部位", "类别", "描述", "备注")
GOOD = ("2026-05-06 09:00", "食堂", "食品", "-1 个灭火器", "不认识的列")


def test_a_formula_stays_a_text_and_words_come_out_for_codes(database: Database, ledger: Ledger) -> None:
    with database.write.begin() as connection:
        report(connection, ledger, Finding("yx-1", "report", "=1+cmd|' /C calc'!A0", "@三层", category="fire"), SAFETY)
        content = register(page(connection, Wanted()).entries, ledger.judgement)
    lines = list(load_workbook(io.BytesIO(content)).worksheets[0].iter_rows())
    row = {str(head.value): cell for head, cell in zip(lines[0], lines[1], strict=True)}
    assert (row["描述"].value, row["描述"].data_type) == ("=1+cmd|' /C calc'!A0", "s")
    assert (row["类别"].value, row["来源"].value, row["状态"].value) == ("消防", "师生上报", "发现")
    assert row["发现时间"].value == "2026-05-07 14:00"


def test_a_good_file_is_taken_once(database: Database, ledger: Ledger) -> None:
    rows = read_apart(sheet(HEADER, GOOD, (None, "操场", "设施器材", "单杠松动")), REGISTER)
    found = findings(rows, ledger, "yx-1", SAFETY)
    with database.write.begin() as connection:
        assert take_in(connection, ledger, found, SAFETY).opened == 2
        again = take_in(connection, ledger, found, SAFETY)
        assert (again.opened, again.known) == (0, 2)
        entries = page(connection, Wanted(), "found_at").entries
    assert entries[0].found_at == NOW - timedelta(hours=29)
    assert (entries[0].category, entries[0].source) == ("food", "import")


def test_a_file_with_mistakes_says_each(ledger: Ledger) -> None:
    content = sheet(HEADER, GOOD, ("昨天", "a", "食品", "x"), (None, "a", "玄学", "x"), (None, "a", "食品", None))
    rows = read_apart(content, REGISTER)
    with pytest.raises(ImportRefusedError) as e:
        findings(rows, ledger, "yx-1", SAFETY)
    assert [line[:6] for line in e.value.lines] == ["第 3 行：", "第 4 行：", "第 5 行："]
    assert "看不懂" in e.value.lines[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"not a workbook", "不是 Excel 文件", id="a text"),
        pytest.param(b"0" * (MOST_BYTES + 1), "文件太大", id="too big"),
        pytest.param(sheet(("a", "b")), "缺少“描述”列", id="another table"),
    ],
)
def test_what_is_no_register_is_said_in_one_sentence(content: bytes, said: str) -> None:
    with pytest.raises(ImportRefusedError, match=said):
        read_apart(content, REGISTER)


def test_the_packs_of_the_meetings(database: Database, ledger: Ledger) -> None:
    with database.write.begin() as connection:
        report(connection, ledger, Finding("yx-1", "report", "灭火器过期", category="fire"), SAFETY)
        last_week = NOW - timedelta(days=7)
        report(connection, ledger, Finding("yx-1", "report", "旧", category="fire", found_at=last_week), SAFETY)
        pack = week(connection, ledger.judgement, Wanted(Reach.of("yx-1")), NOW.date(), NOW)
        assert (len(pack.found), len(pack.unjudged), len(pack.overdue)) == (1, 2, 1)
        assert pack.common == (("消防", 1),)
        everywhere = month(connection, ledger.judgement, Wanted(), NOW.date(), NOW)
        assert len(everywhere.found) == 1
        assert month(connection, ledger.judgement, Wanted(Reach.of("yx-2")), NOW.date(), NOW).found == ()
    overdue = papers.pack(everywhere, ledger.judgement, NOW, {"yx-1": "第一中学"})["tables"][1]
    assert overdue[1][:2] == ("学校", "编号")  # above the schools each row says whose it is
    assert [row[0] for row in overdue[2]] == ["第一中学"]
    assert dict(zip(overdue[1], overdue[2][0], strict=True))["应办结"] == f"{NOW - timedelta(days=6):%Y-%m-%d} 14:00"
    assert papers.pack(pack, ledger.judgement, NOW)["tables"][1][1][0] == "编号"
