"""A drill in people's words, Chinese: times, counts with their quality, verdicts. For records and the ledger."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

from server.drills.clocks import Trust
from server.drills.feasibility import minutes
from server.drills.inputs import DrillKind
from server.drills.results import Basis, Count, Ending, Result, Span, StageResult, Verdict
from server.drills.store import Drill

CHINA = timezone(timedelta(hours=8))
KINDS = {
    DrillKind.FIRE: "消防疏散",
    DrillKind.EARTHQUAKE: "地震避险疏散",
    DrillKind.BUS: "校车逃生",
    DrillKind.INTRUDER: "防暴避险",
}
VERDICTS = {
    Verdict.MET: "达标",
    Verdict.MISSED: "未达标",
    Verdict.TOO_CLOSE: "在误差范围内，不作判定",
    Verdict.NO_TARGET: "不设时限",
    Verdict.OPEN: "未结束",
    Verdict.UNTIMED: "没有计时，不作判定",
}
BASES = {Basis.ASSEMBLED: "全部班级到达集合点", Basis.EXITS: "出口口径（最后一人出门）"}
ENDINGS = {Ending.ITSELF: "自动结束", Ending.HAND: "人工结束"}
TRUSTS = {
    Trust.MEASURED: "终端时钟已对时",
    Trust.ONE_SIDED: "终端时钟单向对时",
    Trust.WALL: "采用终端自身时钟",
    Trust.UNKNOWN: "终端时钟不可信",
}


def clock(seconds: float) -> str:
    """1′42.3″ as it is written on records; a minus before the signal."""
    sign, tenths = ("-" if seconds < 0 else ""), round(abs(seconds) * 10)
    whole, rest = divmod(tenths, 600)
    return f"{sign}{whole}′{rest // 10:02d}.{rest % 10}″"


def timed(span: Span | None) -> str:
    """A time with its ±; never better than a tenth, for that is what is shown."""
    if span is None:
        return "未记录"
    doubt = max(math.ceil(span.plus_minus_s * 10 - 1e-9) / 10, 0.1)
    return f"{clock(span.seconds)} ±{doubt:g} 秒"


def worst_doubt(spans: Iterable[Span | None]) -> str:
    """The widest ± of some times, in seconds."""
    doubts = [s.plus_minus_s for s in spans if s is not None]
    return f"{max(math.ceil(max(doubts) * 10 - 1e-9) / 10, 0.1):g}" if doubts else "—"


def counted(count: Count) -> str:
    """A number where it is exact, bounds where it is not."""
    low, high = math.floor(count.low + 1e-9), math.ceil(count.high - 1e-9)
    return str(count.net) if low == high == count.net else f"{low}–{high}"


def reconciled(found: Result) -> str:
    """The count at the exits beside the roll call."""
    called = found.roll_call
    if not called.classes:
        return "未建班级名单，无法与清点核对"
    if called.reported < len(called.classes):
        return f"还有 {len(called.classes) - called.reported} 个班未报，暂不核对"
    low, high = math.floor(found.count.low + 1e-9), math.ceil(found.count.high - 1e-9)
    head = f"出口 {counted(found.count)} 人，清点 {called.present} 人"
    if low <= called.present <= high:
        return f"{head}：相符"
    if called.present > high:
        return f"{head}：出口少计 {called.present - high} 人（有人不经计数的出口，或计数漏人）"
    return f"{head}：出口多 {low - called.present} 人（教职工、访客，或计数重复）"


def missed(drill: Drill, stage: StageResult) -> str:
    """The ledger entry's text of a target that was missed."""
    official, target = stage.official, stage.target_s or 0.0
    over = official.seconds - target if official else 0.0
    return (
        f"{KINDS[drill.kind]}演练未达标：{stage.name}用时 {timed(official)}（{BASES[stage.basis]}），"
        f"目标 {minutes(target)}，超出 {over:.0f} 秒"
    )


def verdict_line(found: Result) -> str:
    """The whole drill in one line."""
    judged = "；".join(
        f"{s.name}{VERDICTS[s.verdict]}" + (f"（目标 {minutes(s.target_s)}）" if s.target_s else "")
        for s in found.stages
    )
    head = f"用时 {timed(found.official)}，{BASES[found.basis]}" if found.official else "没有计到用时"
    return f"{head}。{judged}" if judged else head


def local(at: datetime | None) -> str:
    """A moment as the school's clock on the wall shows it."""
    return at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S") if at else ""


def local_s(at_s: float | None) -> str:
    """The same, from seconds since 1970, with tenths."""
    if at_s is None:
        return ""
    at = datetime.fromtimestamp(at_s, tz=CHINA)
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 100_000}"
