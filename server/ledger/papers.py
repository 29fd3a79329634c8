"""What stands on the ledger's papers: the record of an entry, 整改通知书, 整改意见书, and the packs of the meetings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from config.judgement import Judgement
from server.ledger.ahead import label
from server.ledger.entry import STATE_NAMES, Entry
from server.ledger.excel import COLUMNS, said
from server.ledger.machine import TRANSITIONS
from server.ledger.packs import Pack, lacking
from server.ledger.review import WRITTEN

TITLES = {"record": "风险隐患记录", "notice": "隐患整改通知书", "opinion": "隐患整改意见书"}
SHOWN = {
    "record": tuple(COLUMNS),
    "notice": ("number", "found_at", "place", "category", "grade", "description", "basis", "interim",
               "responsible_unit", "responsible", "measures", "deadline", "supervision"),
    "opinion": ("number", "found_at", "place", "category", "grade", "clause", "description", "basis", "interim",
                "measures", "deadline", "funds", "plan"),
}  # fmt: skip
LEADS = {
    "notice": "{unit}：经检查，贵单位存在下列安全隐患。请按所列措施、责任人和时限整改，期间落实临时防护措施；"
              "整改完成后申请验收，验收人不得为整改责任人。",
    "opinion": "{unit}：检查中发现下列安全隐患，现当场提出整改意见，请在时限内办结并报告整改情况。",
}  # fmt: skip
SIGNED = {
    "record": ("填表人", "审核人"), "notice": ("签发人", "签收人"), "opinion": ("检查人", "被检查单位负责人"),
}  # fmt: skip
_SHORT = 18
_ACTIONS = {t.action: t.zh for t in TRANSITIONS} | {"open": "发现", "overdue": "逾期", "join": "再次上报"}


def sheet(
    paper: str, entry: Entry, judgement: Judgement, story: Iterable[Mapping[str, Any]], now: datetime
) -> dict[str, Any]:
    """Return what the template of a paper shows of one entry."""
    zone = judgement.timers.zone
    rows = [(_title(name, judgement), _text(entry, name, judgement)) for name in SHOWN[paper]]
    short = [row for row in rows if len(row[1]) <= _SHORT]
    steps = [
        (f"{row['at'].astimezone(zone):%Y-%m-%d %H:%M}", row["by"], _ACTIONS[row["action"]],
         STATE_NAMES[row["to"]] if row["to"] in set(STATE_NAMES) else "")
        for row in story if row["action"] in _ACTIONS
    ]  # fmt: skip
    lead = LEADS.get(paper, "").format(unit=entry.responsible_unit or "责任单位")
    return {
        "title": TITLES[paper],
        "lead": [lead] if lead else [],
        "pairs": [(short[i], short[i + 1] if i + 1 < len(short) else None) for i in range(0, len(short), 2)],
        "wide": [row for row in rows if len(row[1]) > _SHORT],
        "tables": [("经过", ("时间", "办理人", "事项", "之后"), steps)] if paper == "record" else [],
        "signed": SIGNED[paper],
        "foot": _foot(entry.number, now, zone),
    }


Table = tuple[str, tuple[str, ...], list[tuple[str, ...]]]


def pack(made: Pack, judgement: Judgement, now: datetime, schools: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return what the template shows of a meeting's pack; `schools` are the names where it is of several."""

    def school(entry: Entry) -> tuple[str, ...]:
        return () if schools is None else (schools.get(entry.site, entry.site),)

    above = () if schools is None else (COLUMNS["site"],)

    def table(title: str, entries: Sequence[Entry], of: str, until: str = "deadline") -> Table:
        columns = ("number", "place", "description", "grade", "responsible", until, "state")
        shown = [(*school(entry), *(_text(entry, name, judgement) for name in columns)) for entry in entries]
        header = (*above, *(_title(name, judgement) for name in columns))
        return (title + _counted(len(entries), made.totals[of]), header, shown)

    held = made.meeting
    said = [(WRITTEN[name], getattr(held, name)) for name in WRITTEN if getattr(held, name, "")]
    if held is not None and held.concluded_at is not None:
        said.append(
            ("结束", f"{held.concluded_at.astimezone(judgement.timers.zone):%Y-%m-%d %H:%M} {held.concluded_by}")
        )
    outcome = ("number", "description", "grade", "layer", "measures", "responsible", "deadline", "state")
    decided = [tuple(_text(entry, name, judgement) for name in outcome) for entry in made.decided]
    results = (
        [(f"本周研判结果（{len(decided)}）", tuple(_title(n, judgement) for n in outcome), decided)] if held else []
    )
    unjudged = [(*school(e), e.number, e.place, e.description, "、".join(lacking(e, judgement))) for e in made.unjudged]
    common = [(name, str(n)) for name, n in made.common]
    return {
        "title": f"{made.title}材料",
        "lead": [f"{made.first:%Y-%m-%d} 至 {made.last:%Y-%m-%d}"],
        "pairs": [],
        "wide": said,
        "tables": [
            *results,
            table("未销号的重大隐患", made.major, "major"),
            table("逾期", made.overdue, "overdue", "due_at"),
            (f"待研判（{len(unjudged)}）", (*above, "编号", "部位", "描述", "还缺"), unjudged),
            table("本期发现", made.found, "found"),
            ("共性问题", ("类别", "条数"), common),
        ],
        "signed": ("主持人", "记录人"),
        "foot": _foot(made.title, now, judgement.timers.zone),
    }


def _counted(shown: int, total: int) -> str:
    return f"（{total}）" if shown >= total else f"（共 {total} 条，以下是最新的 {shown} 条）"


def _title(name: str, judgement: Judgement) -> str:
    if name == "due_at":
        return "应办结"
    return COLUMNS.get(name) or label(name, judgement)


def _text(entry: Entry, name: str, judgement: Judgement) -> str:
    return str(said(getattr(entry, name), judgement.words(name), judgement.timers.zone))


def _foot(of: str, now: datetime, zone: timezone) -> str:
    return f"{of} · 打印时间 {now.astimezone(zone):%Y-%m-%d %H:%M}"
