"""An Excel file made to take all time and memory: refused in a sentence, and no alarm waits for it."""

from __future__ import annotations

import io
import re
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from inner_server import assembled
from serving import PASSWORD

from server.app import create_app
from server.assembling import Parts
from server.ledger import sheets
from server.ledger.excel import REGISTER, workbook
from server.ledger.guards import ImportRefusedError
from server.ledger.sheets import Row, Wanted, read_apart

SHEET = "xl/worksheets/sheet1.xml"
ROW = re.compile(r'<row r="2">.*</row>')
LAUGHS = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))


def remade(change: Callable[[str], str]) -> bytes:
    """Return a good register with its sheet changed."""
    good, out = io.BytesIO(workbook("台账", ["描述", "地点"], [("灯坏了", "一楼")])), io.BytesIO()
    with zipfile.ZipFile(good) as book, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for part in book.namelist():
            text = book.read(part)
            made.writestr(part, change(text.decode()) if part == SHEET else text)
    return out.getvalue()


def with_rows(rows: str) -> bytes:
    return remade(lambda text: ROW.sub(rows, text))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(with_rows('<row r="99999999999"><c><v>1</v></c></row>'), "空行太多", id="a row without end"),
        pytest.param(with_rows("<row/>" * 200_000), "空行太多", id="rows of nothing"),
        pytest.param(with_rows(f"<row>{'<c/>' * 2_000_000}</row>"), "太大", id="a row of two million cells"),
        pytest.param(with_rows('<row><c t="n"><v>1e999999999</v></c></row>'), "", id="a number without end"),
        pytest.param(
            with_rows(f'<row><c t="inlineStr"><is><t>{"x" * 30_000_000}</t></is></c></row>'),
            "太大",
            id="a text of 30 MB",
        ),
        pytest.param(
            remade(lambda text: f"<!DOCTYPE x [<!ENTITY a0 'ha'>{LAUGHS}]>" + text.replace("灯坏了", "&a9;")),
            "不是 Excel",
            id="a billion laughs",
        ),
    ],
)
def test_a_file_that_would_take_all_time_or_memory_is_refused(content: bytes, said: str) -> None:
    assert len(content) < 2_000_000, "no bomb: it is as large as what it unpacks to"
    if not said:
        assert len(read_apart(content, REGISTER)) <= 1
        return
    with pytest.raises(ImportRefusedError, match=said):
        read_apart(content, REGISTER)


def test_cells_far_to_the_right_are_not_filled_up() -> None:
    wide = "".join(f'<row r="{n}"><c r="XFD{n}"><v>1</v></c></row>' for n in range(2, 10_000))
    assert read_apart(with_rows(wide), REGISTER) == []


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    with assembled(tmp_path / "data", safety="safety") as made:
        yield made


@pytest.mark.parametrize(
    "path", ["/api/v1/hazards/import?site=no1", "/api/v1/duties/calendar/import?year=2026&site=no1"]
)
def test_what_is_to_be_written_is_written_while_a_file_is_read(
    parts: Parts, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, go_on = threading.Event(), threading.Event()

    def held(content: bytes, wanted: Wanted) -> list[Row]:
        """Read only when told to: how quick this machine is decides nothing."""
        reading.set()
        assert go_on.wait(60)
        return read_apart(content, wanted)

    monkeypatch.setattr(sheets, "read_apart", held)
    web = TestClient(create_app(parts.services), base_url="http://127.0.0.1")
    session = web.post("/api/v1/session", json={"name": "safety", "password": PASSWORD}).json()
    bomb, answers = with_rows("<row/>" * 200_000), list[int]()
    header = {"X-CSRF-Token": session["csrf"]}
    upload = threading.Thread(target=lambda: answers.append(web.post(path, content=bomb, headers=header).status_code))
    upload.start()
    try:
        assert reading.wait(60)
        for _ in range(10):
            parts.services.writer.write(lambda _: None)  # fails where the writer waits for the file
    finally:
        go_on.set()
        upload.join()
    assert answers == [422]
