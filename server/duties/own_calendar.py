"""A school's (or the bureau's) own calendar for a year: imported from Excel, in place of the shipped one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any, Literal

from sqlalchemy import Connection, delete, insert, select

from config.calendar import Calendar, Exemption, Span
from server.duties.calendar import days
from server.duties.tables import calendar_days
from server.ledger.guards import ImportRefusedError

Kind = Literal["term", "holiday", "workday", "boarding", "exempt"]
KINDS: dict[Kind, str] = {
    "term": "学期", "holiday": "假期", "workday": "调休上课", "boarding": "住校周末", "exempt": "停课免责",
}  # fmt: skip
COLUMNS = ("类型", "名称", "开始", "结束")
MOST_DAYS: dict[Kind, int] = {"term": 250, "holiday": 90, "workday": 7, "boarding": 4, "exempt": 14}
_CODES: dict[str, Kind] = {zh: code for code, zh in KINDS.items()}


@dataclass(frozen=True, slots=True)
class Line:
    """Some days of one kind, first and last included."""

    kind: Kind
    name: str
    first: date
    last: date


def parsed(rows: Sequence[Mapping[str, Any]], year: int) -> list[Line]:
    """Read the rows of a file; raise ImportRefusedError with a sentence for every mistake."""
    faults: list[str] = []
    found: list[Line] = []
    for n, row in enumerate(rows, 2):
        try:
            found.append(_line(row, year))
        except ValueError as e:
            faults.append(f"第 {n} 行：{e}")
    terms = sorted((line for line in found if line.kind == "term"), key=lambda line: line.first)
    faults += [f"学期“{b.name}”与“{a.name}”重叠" for a, b in pairwise(terms) if b.first <= a.last]
    if not terms and not faults:
        faults.append(f"没有“学期”行：{year} 年全年将无教学日，请补上")
    if faults:
        raise ImportRefusedError(faults)
    return found


def put(connection: Connection, site: str, year: int, lines: Sequence[Line]) -> None:
    """Put a year's calendar in place of the one that stands; an empty site is for all schools without their own."""
    c = calendar_days.c
    connection.execute(delete(calendar_days).where(c.site == site, c.year == year))
    rows = [
        {"site": site, "year": year, "n": n, "kind": line.kind, "name": line.name, "first": line.first.isoformat(),
         "last": line.last.isoformat()}
        for n, line in enumerate(lines)
    ]  # fmt: skip
    if rows:
        connection.execute(insert(calendar_days), rows)


def all_own(connection: Connection, shipped: Calendar) -> dict[str, Calendar]:
    """Return the calendar of every site that has its own; that of the empty site is everybody else's."""
    years: dict[str, dict[int, list[Line]]] = {}
    for row in connection.execute(select(calendar_days).order_by(calendar_days.c.n)):
        line = Line(row.kind, row.name, date.fromisoformat(row.first), date.fromisoformat(row.last))
        years.setdefault(row.site, {}).setdefault(row.year, []).append(line)
    common = _replaced(shipped, years.get("", {}))
    return {site: _replaced(common, own) for site, own in years.items() if site} | {"": common}


def lines_of(calendar: Calendar, year: int) -> list[Line]:
    """Return a year of a calendar as lines, for people to see and change."""
    found = [Line("term", one.name, one.first, one.last) for one in calendar.terms]
    found += [Line("holiday", one.name, one.first, one.last) for one in calendar.holidays]
    found += [Line("workday", "", day, day) for day in calendar.workdays]
    found += [Line("boarding", "", day, day) for day in calendar.boarding_weekends]
    found += [Line("exempt", one.reason, one.day, one.day) for one in calendar.exemptions]
    return [line for line in found if line.first.year == year]


def _replaced(calendar: Calendar, own: Mapping[int, Sequence[Line]]) -> Calendar:
    for year, lines in own.items():
        by_kind = {kind: [line for line in lines if line.kind == kind] for kind in KINDS}
        calendar = Calendar(
            name=calendar.name, source=calendar.source,
            terms=tuple(t for t in calendar.terms if t.first.year != year) + _spans(by_kind["term"]),
            holidays=tuple(h for h in calendar.holidays if h.first.year != year) + _spans(by_kind["holiday"]),
            workdays=tuple(d for d in calendar.workdays if d.year != year) + _days(by_kind["workday"]),
            boarding_weekends=tuple(d for d in calendar.boarding_weekends if d.year != year)
            + _days(by_kind["boarding"]),
            exemptions=tuple(e for e in calendar.exemptions if e.day.year != year)
            + tuple(Exemption(day=day, reason=x.name) for x in by_kind["exempt"] for day in days(x.first, x.last)),
        )  # fmt: skip
    return calendar


def _spans(lines: Sequence[Line]) -> tuple[Span, ...]:
    return tuple(Span(name=line.name, first=line.first, last=line.last) for line in lines)


def _days(lines: Sequence[Line]) -> tuple[date, ...]:
    return tuple(day for line in lines for day in days(line.first, line.last))


def _line(row: Mapping[str, Any], year: int) -> Line:
    kind = _CODES.get(str(row.get("类型") or "").strip())
    if kind is None:
        raise ValueError(f"类型“{row.get('类型') or ''}”看不懂，可选 {'、'.join(_CODES)}")
    name = str(row.get("名称") or "").strip()
    if kind in {"term", "holiday"} and not name:
        raise ValueError("缺少名称")
    if len(name) > 80 or any(ord(sign) < 32 for sign in name):
        raise ValueError("名称太长（最多 80 字）或含有不能保存的字符")
    first = _day(row.get("开始"), "开始")
    last = first if row.get("结束") in (None, "") else _day(row.get("结束"), "结束")
    if last < first:
        raise ValueError(f"结束 {last} 早于开始 {first}")
    if first.year != year:
        raise ValueError(f"开始 {first} 不在 {year} 年")
    if (last - first).days >= MOST_DAYS[kind]:
        raise ValueError(f"{KINDS[kind]}有 {(last - first).days + 1} 天，太长（最多 {MOST_DAYS[kind]} 天）")
    if kind in {"workday", "boarding"} and any(day.weekday() < 5 for day in days(first, last)):
        raise ValueError(f"{KINDS[kind]}应是周六或周日，{first} 至 {last} 含有工作日")
    return Line(kind, name, first, last)


def _day(value: Any, name: str) -> date:
    match value:
        case datetime():
            return value.date()
        case date():
            return value
        case _:
            try:
                return date.fromisoformat(str(value or "").strip().replace("/", "-"))
            except ValueError as e:
                raise ValueError(f"{name}“{value or ''}”不是日期，请写成 2026-09-01") from e
