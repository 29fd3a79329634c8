"""The register in Excel, out and in. A cell is always text, never a formula; an import is whole or not at all."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font
from openpyxl.utils.exceptions import InvalidFileException
from sqlalchemy import Connection

from config.judgement import Judgement
from server.ledger import store
from server.ledger.actions import Finding, report
from server.ledger.entry import STATE_NAMES, Entry
from server.ledger.guards import COLUMN_NAMES, Actor, ImportRefusedError, MissingError, RuleError
from server.ledger.sensors import Ledger

MOST_BYTES, MOST_UNPACKED, MOST_ROWS = 10_000_000, 200_000_000, 5_000
COLUMNS: dict[str, str] = {
    "number": "编号", "site": "学校", "register": "年度", "source": "来源", "found_at": "发现时间",
    "found_by": "发现人",
    **{name: COLUMN_NAMES[name] for name in ("grid", "place", "description", "category", "basis", "grade", "layer")},
    "judged_by": "判定人", "judged_at": "判定时间",
    **{name: COLUMN_NAMES[name] for name in ("clause", "interim", "responsible_unit", "responsible", "measures")},
    **{name: COLUMN_NAMES[name] for name in ("deadline", "funds", "plan")},
    "rectified_at": "整改完成时间", "result": "整改情况", "verified_by": "验收人", "verified_at": "验收时间",
    "conclusion": "验收结论", "closed_by": "销号人", "closed_at": "销号时间", "state": "状态", "extensions": "延期次数",
    "supervision": "督办级别", "recurrence": "复发次数", "count": "报警次数",
}  # fmt: skip
INCOMING = ("found_at", "place", "grid", "description", "category", "basis", "source")


_DAMAGED = (  # what openpyxl raises over a file that is none, or is broken inside
    zipfile.BadZipFile, zlib.error, InvalidFileException, SyntaxError, OSError, EOFError, NotImplementedError,
    LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did."""

    opened: int
    known: int


def book(sheets: Iterable[tuple[str, Sequence[str], Iterable[Sequence[Any]]]]) -> bytes:
    """Return sheets as a file: a bold header that stays, every value as plain text or number."""
    made = Workbook(write_only=True)
    for title, header, rows in sheets:
        sheet = made.create_sheet(title[:31])
        sheet.freeze_panes = "A2"
        sheet.append([_cell(sheet, name, bold=True) for name in header])
        for row in rows:
            sheet.append([_cell(sheet, value) for value in row])
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def _cell(sheet: Any, value: Any, *, bold: bool = False) -> Any:  # openpyxl's factory has no type of its own
    text = ILLEGAL_CHARACTERS_RE.sub("", value) if isinstance(value, str) else value
    made: Any = WriteOnlyCell(sheet, value=text)
    if isinstance(text, str):
        made.data_type = "s"  # '=1+1' stays a text
        made.quotePrefix = text.startswith(("=", "+", "-", "@"))
        made.alignment = Alignment(wrap_text=True, vertical="top")
    if bold:
        made.font = Font(bold=True)
    return made


def paper(values: Mapping[str, Any]) -> bytes:
    """Return a paper as a file: what is said of it on the first sheet, each of its tables on one of its own."""
    said = [*((pair[0], pair[1]) for two in values["pairs"] for pair in two if pair), *values["wide"]]
    lead = [("", line) for line in values["lead"]]
    sheets = [("会议" if values["tables"] and not values["pairs"] else "正文", ("项目", "内容"), [*lead, *said])]
    sheets += [(name.partition("（")[0], header, rows) for name, header, rows in values["tables"]]
    return book(sheets)


def workbook(title: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Return one sheet as a file."""
    return book([(title, header, rows)])


def register(entries: Iterable[Entry], judgement: Judgement) -> bytes:
    """Return the register with every column of the ledger."""
    zone = timezone(timedelta(hours=judgement.timers.utc_offset_hours))
    words = {name: judgement.words(name) for name in COLUMNS}
    rows = ([said(getattr(e, name), words[name], zone) for name in COLUMNS] for e in entries)
    return workbook("风险隐患台账", list(COLUMNS.values()), rows)


def said(value: Any, words: dict[str, str], zone: timezone) -> Any:
    """Return a value in people's words: names for codes, local time."""
    match value:
        case None:
            return ""
        case datetime():
            return value.astimezone(zone).strftime("%Y-%m-%d %H:%M")
        case str():
            state = next((zh for code, zh in STATE_NAMES.items() if code == value), value)
            return words.get(value, state)
        case _:
            return value


def take_in(connection: Connection, ledger: Ledger, content: bytes, site: str, actor: Actor) -> Imported:
    """Read a file and open its entries; raise ImportRefusedError with a line per mistake and store nothing."""
    rows = read_register(content)
    zone = timezone(timedelta(hours=ledger.judgement.timers.utc_offset_hours))
    faults: list[str] = []
    opened = known = 0
    with connection.begin_nested() as whole:
        for n, row in enumerate(rows, 2):
            try:
                finding = _finding(row, site, ledger.judgement, zone)
                if store.open_of_cause(connection, f"{site}/{finding.cause}") is not None:
                    known += 1
                    continue
                report(connection, ledger, finding, actor)
                opened += 1
            except RuleError as e:
                faults.append(f"第 {n} 行：{e}")
        if faults:
            whole.rollback()
            raise ImportRefusedError(faults)
    return Imported(opened, known)


def read_register(content: bytes) -> list[dict[str, Any]]:
    """Read the rows of a register that comes in."""
    return read_sheet(content, {zh: name for name, zh in COLUMNS.items() if name in INCOMING}, COLUMNS["description"])


def read_sheet(content: bytes, columns: Mapping[str, str], needed: str) -> list[dict[str, Any]]:
    """Read a file's first sheet as rows of the known columns (title to name); refuse what is no such file."""
    if len(content) > MOST_BYTES:
        raise ImportRefusedError([f"文件太大（{len(content) // 1_000_000} MB，最多 {MOST_BYTES // 1_000_000} MB）"])
    try:
        return _rows(content, columns, needed)
    except _DAMAGED as e:
        raise ImportRefusedError(["不是 Excel 文件（.xlsx），请用“导出模板”的格式"]) from e


def _rows(content: bytes, columns: Mapping[str, str], needed: str) -> list[dict[str, Any]]:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        if sum(item.file_size for item in packed.infolist()) > MOST_UNPACKED:
            raise ImportRefusedError(["文件解开后太大，不像一份台账"])
    book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    try:
        sheet = book.worksheets[0]
        lines = sheet.iter_rows(values_only=True)
        header = [columns.get(str(value).strip()) for value in next(lines, ())]
        if columns[needed] not in header:
            raise ImportRefusedError([f"第 1 行：缺少“{needed}”列；可用的列：{'、'.join(columns)}"])
        found: list[dict[str, Any]] = []
        for line in lines:
            row = {name: value for name, value in zip(header, line, strict=False) if name and value is not None}
            if len(found) >= MOST_ROWS:
                raise ImportRefusedError([f"超过 {MOST_ROWS} 行，请分几次导入"])
            if row:
                found.append(row)
        return found
    finally:
        book.close()


def _finding(row: dict[str, Any], site: str, judgement: Judgement, zone: timezone) -> Finding:
    texts = {name: str(row.get(name, "")).strip() for name in INCOMING if name != "found_at"}
    for name in ("category", "source"):
        codes = {zh: code for code, zh in judgement.words(name).items()}
        texts[name] = codes.get(texts[name], texts[name])
    mark = hashlib.sha256(repr(sorted((k, str(v)) for k, v in row.items())).encode("utf-8", "replace")).hexdigest()
    return Finding(
        site, texts["source"] or "import", texts["description"], texts["place"], texts["grid"], texts["category"],
        texts["basis"], _moment(row.get("found_at"), zone), f"import/{mark[:32]}",
    )  # fmt: skip


def _moment(value: Any, zone: timezone) -> datetime | None:
    try:
        match value:
            case None | "":
                return None
            case datetime():
                moment = value
            case date():
                moment = datetime.combine(value, time())
            case _:
                moment = datetime.fromisoformat(str(value).strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as e:
        raise MissingError(f"发现时间“{value}”看不懂，请写成 2026-05-07 14:00", ("found_at",)) from e
