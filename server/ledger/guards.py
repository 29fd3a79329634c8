"""What must be true before a step: each guard is one rule, and says in one sentence what is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from config.judgement import Field3, Judgement
from server.accounts.permissions import Role
from server.accounts.reach import EVERYWHERE, Reach
from server.errors import RefusedError
from server.ledger.entry import Entry

COLUMN_NAMES = {
    "place": "部位", "grid": "网格", "description": "描述", "category": "类别", "basis": "依据条款", "grade": "等级",
    "layer": "分层", "term": "分期", "clause": "重大隐患条款", "interim": "临时防护措施",
    "responsible_unit": "责任单位", "responsible": "责任人", "measures": "措施", "deadline": "时限", "funds": "资金",
    "plan": "预案", "result": "整改情况", "conclusion": "验收结论", "reason": "理由", "supervision": "督办级别",
    "false_cause": "误报原因", "merged_into": "并入的编号",
}  # fmt: skip

ABOVE = frozenset({Role.COUNTY, Role.CITY})


class RuleError(RefusedError):
    """A step the machine refuses; the text says why."""


class ImportRefusedError(RuleError):
    """A file that was not taken; one line per mistake, and nothing of it stored."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("；".join(lines[:20]) + (f"；还有 {len(lines) - 20} 处" if len(lines) > 20 else ""))
        self.lines = tuple(lines)


class MissingError(RuleError):
    """Fields that are empty or wrong."""

    def __init__(self, text: str, fields: tuple[str, ...]) -> None:
        super().__init__(text)
        self.fields = fields


class PersonError(RuleError):
    """The right step by the wrong person."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it, and which schools and grids are his."""

    name: str
    role: Role
    reach: Reach = EVERYWHERE


@dataclass(frozen=True, slots=True)
class Step:
    """One step about to be taken."""

    before: Entry
    after: Entry
    actor: Actor
    judgement: Judgement
    now: datetime


Guard = Callable[[Step], None]


def needs(*fields: str) -> Guard:
    """Return the guard that wants these columns filled."""

    def guard(step: Step) -> None:
        _filled(step.after, {field: COLUMN_NAMES[field] for field in fields})

    return guard


def three_parts(step: Step) -> None:
    """三分 must be filled; which columns that are is data."""
    _filled(step.after, _labels(step.judgement.three_parts))


def three_clear(step: Step) -> None:
    """三明确 must be filled."""
    _filled(step.after, _labels(step.judgement.three_clear))


def major_needs(step: Step) -> None:
    """A major hazard needs money and plan too."""
    if step.judgement.major(step.after.grade):
        _filled(step.after, _labels(step.judgement.major_needs))


def no_downgrade(step: Step) -> None:
    """What was major stays major, unless those above the school say otherwise."""
    was, is_ = step.judgement.major(step.before.grade), step.judgement.major(step.after.grade)
    if was and not is_ and step.actor.role not in ABOVE:
        raise PersonError(f"{step.before.number}：重大隐患学校不能自行降级，请报县级")
    if step.after.clause and not is_ and step.actor.role not in ABOVE:
        raise MissingError(f"{step.before.number}：符合直接判定条款，等级只能是重大", ("grade",))


def major_above(step: Step) -> None:
    """For a major hazard this step is not the school's."""
    if step.judgement.major(step.before.grade) and step.actor.role not in ABOVE:
        raise PersonError(f"{step.before.number}：重大隐患的这一步须由县级或市级办理")


def not_the_rectifier(step: Step) -> None:
    """Nobody verifies his own work."""
    if step.actor.name in {step.before.rectified_by, step.before.responsible}:
        raise PersonError(f"{step.before.number}：验收人、销号人不能是整改责任人 {step.actor.name}")


def verified(step: Step) -> None:
    """Closing wants a verifier who is not the rectifier."""
    if not step.before.verified_by or step.before.verified_by == step.before.rectified_by:
        raise MissingError(f"{step.before.number}：还没有由他人验收，不能销号", ("verified_by",))


def reason(step: Step) -> None:
    """A reason must be given now, not an old one kept."""
    if not step.after.reason.strip():
        raise MissingError(f"{step.before.number}：请写明理由", ("reason",))


def deadline_ahead(step: Step) -> None:
    """A deadline lies in the future."""
    if step.after.deadline is not None and step.after.deadline <= step.now:
        raise MissingError(f"{step.before.number}：时限已经过去，请填写以后的时间", ("deadline",))


def later_deadline(step: Step) -> None:
    """An extension moves the deadline to a later time."""
    old, later = step.before.deadline, step.after.deadline
    if later is None or later <= step.now or (old is not None and later <= old):
        raise MissingError(f"{step.before.number}：延期后的时限必须晚于原时限和现在", ("deadline",))


def check_words(fields: Mapping[str, Any], judgement: Judgement) -> None:
    """Refuse a code that is not in its dictionary."""
    for field, value in fields.items():
        words = judgement.words(field)
        if words and value and value not in words:
            raise MissingError(f"{COLUMN_NAMES.get(field, field)}：没有“{value}”，可选 {'、'.join(words)}", (field,))


def _labels(fields: tuple[Field3, ...]) -> dict[str, str]:
    return {field.field: field.zh for field in fields}


def _filled(entry: Entry, labels: Mapping[str, str]) -> None:
    empty = tuple(field for field in labels if _blank(getattr(entry, field)))
    if empty:
        raise MissingError(f"{entry.number}：还缺 {'、'.join(labels[field] for field in empty)}", empty)


def _blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
