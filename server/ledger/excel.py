"""The register in Excel, out and in. A cell is always text, never a formula; all rows are judged before one is kept."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timezone
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font
from sqlalchemy import Connection

from config.judgement import Judgement
from server.ledger import store
from server.ledger.actions import Finding, check, report
from server.ledger.entry import STATE_NAMES, Entry
from server.ledger.guards import COLUMN_NAMES, Actor, ImportRefusedError, MissingError, RuleError
from server.ledger.sensors import Ledger
from server.ledger.sheets import Wanted

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

REGISTER = Wanted({zh: name for name, zh in COLUMNS.items() if name in INCOMING}, COLUMNS["description"])
PART = 25  # rows in one transaction: alarms come between


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
    zone = judgement.timers.zone
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


def findings(rows: Sequence[dict[str, Any]], ledger: Ledger, site: str, actor: Actor) -> list[Finding]:
    """Judge the rows of a file before any is written; raise ImportRefusedError with a line per mistake."""
    zone = ledger.judgement.timers.zone
    faults: list[str] = []
    found: list[Finding] = []
    for n, row in enumerate(rows, 2):
        try:
            finding = _finding(row, site, ledger.judgement, zone)
            check(ledger, finding, actor)
            found.append(finding)
        except RuleError as e:
            faults.append(f"第 {n} 行：{e}")
    if faults:
        raise ImportRefusedError(faults)
    return found


def take_in(connection: Connection, ledger: Ledger, found: Sequence[Finding], actor: Actor) -> Imported:
    """Open entries for findings that were judged; one that is there already stays as it is."""
    opened = known = 0
    for finding in found:
        if store.open_of_cause(connection, f"{finding.site}/{finding.cause}") is not None:
            known += 1
            continue
        report(connection, ledger, finding, actor)
        opened += 1
    return Imported(opened, known)


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
