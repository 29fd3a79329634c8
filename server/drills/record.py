"""The record of a drill: what people write on it, and everything a printed page or a workbook shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.drills import words
from server.drills.doors import OpenDoor
from server.drills.feasibility import minutes
from server.drills.outcome import Problem
from server.drills.results import Result, Verdict
from server.drills.store import Drill

FIELDS: dict[str, str] = {
    "commander": "总指挥",
    "guides": "疏散引导组",
    "communication": "通讯联络组",
    "rescue": "救护组",
    "guards": "安全保卫组",
    "logistics": "后勤保障组",
    "plan_attached": "演练方案",
    "helpers": "参加单位（消防、公安等）",
    "staff_in_place": "教职工到岗情况",
    "equipment": "器材准备情况",
    "congestion": "拥堵位置",
    "injuries": "受伤情况",
    "summary": "总结与改进",
    "filler": "填表人",
}
"""What a person fills in, in the order of the form."""
LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Past:
    """An earlier drill for comparison."""

    drill: Drill
    result: Result


@dataclass(frozen=True, slots=True)
class Record:
    """All of one finished drill."""

    school: str
    drill: Drill
    result: Result
    problems: Sequence[Problem]
    past: Sequence[Past]
    revision: int
    doors: Sequence[OpenDoor] = ()


def rows(record: Record) -> list[tuple[str, str]]:
    """The upper part of the record: label and text, in order."""
    drill, found, called = record.drill, record.result, record.result.roll_call
    written = drill.record
    return [
        ("学校", record.school),
        ("演练名称", drill.name),
        ("演练类型", words.KINDS[drill.kind]),
        ("日期", words.local_s(found.t0_s)[:10]),
        *((FIELDS[key], str(written.get(key, "") or "")) for key in ("commander", "plan_attached", "helpers")),
        ("应参加人数", str(found.expected + called.excused)),
        ("免演人数（伤病等）", str(called.excused)),
        ("应疏散人数", str(found.expected)),
        ("清点实到", str(called.present) if called.reported else "未清点"),
        (
            "出口计数",
            words.counted(found.count) + (f"（其中折返 {found.count.back} 人次已扣除）" if found.count.back else ""),
        ),
        ("计数核对", words.reconciled(found)),
        ("疏散信号", f"{words.local_s(found.t0_s)}（{source(found)}）"),
        ("警报", words.timed(found.alarm) if found.alarm else "与疏散信号同时或未记录"),
        ("避险开始", words.timed(found.shelter) if found.shelter else "—"),
        ("最后一人出门", words.timed(found.clear)),
        ("全部到达集合点", words.timed(found.assembled)),
        ("全员清点无误", words.timed(found.accounted)),
        ("结束方式", words.ENDINGS[found.ending] if found.ending else "未结束"),
        ("掉队", straggler(found)),
        ("正式用时", words.verdict_line(found)),
        ("计时依据", words.TRUSTS[found.official.trust] if found.official else "—"),
        ("用时最长的出口", bottleneck(found)),
        ("演练中敞开的门", "；".join(door(one) for one in record.doors) or "无"),
    ]


def door(one: OpenDoor) -> str:
    """Which door, from when to when."""
    until = words.local(one.until)[11:] if one.until else "仍未关"
    return f"{' '.join(filter(None, (one.place, one.name)))} {words.local(one.since)[11:]}–{until}"


def source(found: Result) -> str:
    """Who or what gave the signal."""
    return {"schedule": "定时", "api": "接口"}.get(found.t0_source, found.t0_source or "按钮")


def straggler(found: Result) -> str:
    """The second number, beside the first."""
    if found.straggler is None:
        return "无"
    return f"结束后又有 {found.straggler.count} 人出门，最后一人 {words.timed(found.straggler.last)}（不改正式用时）"


def bottleneck(found: Result) -> str:
    """The exit that was busy longest, and how dense it was there."""
    exit_ = next((e for e in found.exits if e.id == found.bottleneck), None)
    if exit_ is None:
        return "—"
    flow = f"，平均 {exit_.flow:g} 人/(米·秒)" if exit_.flow is not None else ""
    doubt = "，超过可能的流量，计数存疑" if exit_.implausible else ""
    return f"{exit_.name}（95 % 于 {words.timed(exit_.most)}{flow}{doubt}）"


def exits(record: Record) -> list[list[str]]:
    """Header and one row an exit."""
    head = ["出口", "人数", "首人", "50 %", "95 %", "末人", "± 秒", "流量 人/(米·秒)"]
    table = [head]
    for exit_ in record.result.exits:
        spans = (exit_.first, exit_.half, exit_.most, exit_.last)
        flow = "—" if exit_.flow is None else f"{exit_.flow:g}" + ("（存疑）" if exit_.implausible else "")
        times = [words.clock(s.seconds) if s else "—" for s in spans]
        table.append([exit_.name, words.counted(exit_.count), *times, words.worst_doubt(spans), flow])
    return table


def classes(record: Record) -> list[list[str]]:
    """Header and one row a class."""
    table = [["班级", "应疏散", "已安全疏散", "免演", "缺", "到达集合点", "上报", "± 秒"]]
    for c in record.result.roll_call.classes:
        told = c.present is not None
        table.append(
            [
                c.name,
                str(c.expected - c.excused),
                str(c.present) if told else "未报",
                str(c.excused),
                str(c.missing) if told else "—",
                (words.clock(c.arrived.seconds) if c.arrived else "未记录") + ("（结束后）" if c.late else ""),
                words.clock(c.reported.seconds) if c.reported else "未报",
                words.worst_doubt((c.arrived, c.reported)),
            ]
        )
    return table


def stages(record: Record) -> list[list[str]]:
    """Header and one row a stage."""
    table = [["学段", "目标", "依据", "用时", "口径", "结论"]]
    for s in record.result.stages:
        target = minutes(s.target_s) if s.target_s is not None else "不设"
        table.append([s.name, target, s.why, words.timed(s.official), words.BASES[s.basis], words.VERDICTS[s.verdict]])
    return table


def comparison(record: Record) -> list[list[str]]:
    """Header, this drill, and the last ones of its kind."""
    table = [["日期", "演练", "正式用时", "最后一人出门", "出口计数", "结论"]]
    for drill, found in [(record.drill, record.result), *((p.drill, p.result) for p in record.past)]:
        judged = "；".join(words.VERDICTS[s.verdict] for s in found.stages) or "—"
        day = words.local_s(found.t0_s)[:10]
        table.append(
            [day, drill.name, words.timed(found.official), words.timed(found.clear), words.counted(found.count), judged]
        )
    return table


def problems(record: Record) -> list[list[str]]:
    """Header and one row a problem."""
    head = ["发现时间", "地点", "问题", "发现人", "台账编号"]
    return [
        head,
        *(
            [words.local(p.at), p.place, p.text, p.by, f"第 {p.hazard} 号" if p.hazard else "未入台账"]
            for p in record.problems
        ),
    ]


def good(found: Result) -> bool:
    """Whether every stage that has a target met it."""
    judged = [s.verdict for s in found.stages if s.target_s is not None]
    return bool(judged) and all(v is Verdict.MET for v in judged)
