"""The record as an Excel workbook: the form, exits, classes, the curve with its chart, comparison, problems."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any, cast

from openpyxl import Workbook
from openpyxl import chart as charts
from openpyxl.chart import Reference, ScatterChart
from openpyxl.styles import Alignment, Font
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from server.drills import record as records
from server.drills.record import FIELDS, Record
from server.drills.results import Step

BOLD = Font(bold=True)
WRAP = Alignment(wrap_text=True, vertical="top")


def workbook(record: Record) -> bytes:
    """Return the .xlsx file."""
    book = Workbook()
    form = book.worksheets[0]
    form.title = "演练记录"
    _put(form, [[record.drill.name or "应急疏散演练记录"]])
    rest = [(FIELDS[k], str(record.drill.record.get(k, "") or "")) for k in FIELDS]
    known = {label for label, _ in records.rows(record)}
    _put(form, [*records.rows(record), *((label, text) for label, text in rest if label not in known)])
    _put(form, [["审核人", ""], ["盖章", ""], ["结果版本", str(record.revision)]])
    _widths(form, (24, 90))
    for title, table in (
        ("学段", records.stages(record)),
        ("出口", records.exits(record)),
        ("班级", records.classes(record)),
        ("对比", records.comparison(record)),
        ("问题", records.problems(record)),
    ):
        sheet: Worksheet = book.create_sheet(title)
        _put(sheet, table)
        _widths(sheet, [20] * len(table[0]))
        for cell in sheet[1]:
            cell.font = BOLD
    _curve(book.create_sheet("曲线"), record)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _put(sheet: Worksheet, table: Iterable[Sequence[str]]) -> None:
    for values in table:
        sheet.append(list(values))
        for cell in sheet[sheet.max_row]:
            cell.alignment = WRAP
            cell.data_type = "s"  # a text that begins with '=' is a text, never a formula


def _widths(sheet: Worksheet, widths: Sequence[float]) -> None:
    for i, width in enumerate(widths):
        sheet.column_dimensions["ABCDEFGHIJ"[i]].width = width
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.page_setup.fitToWidth = 1
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def _curve(sheet: Worksheet, record: Record) -> None:
    """Time and people out, all exits together and each one, with a chart."""
    chart = ScatterChart()
    chart.style, chart.width, chart.height = 13, 26, 13
    chart.title, chart.x_axis.title, chart.y_axis.title = "疏散人数曲线", "秒（自疏散信号起）", "已出人数"
    chart.x_axis.delete = chart.y_axis.delete = False
    found = record.result
    make = cast("Any", charts.Series)  # pyright: ignore[reportUnknownMemberType]
    lines: list[tuple[str, Sequence[Step]]] = [("合计", found.steps), *((e.name, e.steps) for e in found.exits)]
    for i, (name, steps) in enumerate(lines):
        column = 2 * i + 1
        sheet.cell(1, column, "秒").font = BOLD
        sheet.cell(1, column + 1, name).font = BOLD
        for row, step in enumerate(steps, start=2):
            sheet.cell(row, column, step.seconds)
            sheet.cell(row, column + 1, step.net)
        if steps:
            x = Reference(sheet, min_col=column, min_row=2, max_row=len(steps) + 1)
            y = Reference(sheet, min_col=column + 1, min_row=1, max_row=len(steps) + 1)
            series = make(y, x, title_from_data=True)
            series.marker.symbol = "none"
            cast("list[Any]", chart.series).append(series)  # pyright: ignore[reportUnknownMemberType]
    sheet.add_chart(chart, f"{'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[min(2 * len(lines) + 1, 25)]}2")
