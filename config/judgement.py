"""Judgement as data: grades, colours, categories, labels, the roster, timers, and which alert opens an entry."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Annotated, Literal

from pydantic import Field, model_validator

from config import Section

Code = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
Column = Literal[
    "category", "grade", "layer", "term", "responsible", "responsible_unit", "measures", "deadline", "funds", "plan"
]  # fmt: skip


class Label(Section):
    """A word of a dictionary: its code in the database, its names for people."""

    id: Code
    zh: str
    en: str = ""


class Grade(Label):
    """A grade of hazard. `days` is the usual deadline; a major one is set by order."""

    major: bool = False
    days: int | None = Field(default=None, ge=1)


class Colour(Label):
    """One step of a colour scale, worst first."""

    level: int = Field(ge=1)


class Scale(Section):
    """The colour scale of one kind of object: risks of a place and open waters do not share one."""

    object: Code
    zh: str
    colours: tuple[Colour, ...]


class Field3(Section):
    """One of 三分 or 三明确: the column that must be filled, and its label."""

    field: Column
    zh: str
    en: str = ""


class Clause(Label):
    """One line of the list of major hazards: any single one decides."""

    basis: str = ""


class Rung(Section):
    """One level of the roster an overdue entry climbs."""

    role: Code
    zh: str
    users: tuple[str, ...] = ()


class Timers(Section):
    """How long each step may take."""

    register_hours: float = Field(default=24, gt=0)
    judge_weekday: int = Field(default=5, ge=1, le=7)  # the day of 周研判, Monday = 1
    judge_hour: int = Field(default=18, ge=0, le=23)
    judge_major_hours: float = Field(default=24, gt=0)
    warn_at: tuple[float, ...] = (0.5, 0.8)  # shares of the time between 交办 and the deadline
    climb_hours: float = Field(default=24, gt=0)
    recurrence_days: int = Field(default=30, ge=0)
    utc_offset_hours: float = Field(default=8, ge=-12, le=14)

    @property
    def zone(self) -> timezone:
        """Return the time zone of the school's clocks."""
        return timezone(timedelta(hours=self.utc_offset_hours))

    @model_validator(mode="after")
    def _shares_grow(self) -> Timers:
        if list(self.warn_at) != sorted(self.warn_at) or not all(0 < share < 1 for share in self.warn_at):
            raise ValueError("warn_at: shares between 0 and 1, smallest first")
        return self


class AlertRule(Section):
    """Which alert opens an entry. The first rule that fits decides; an empty tuple fits all."""

    hazards: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    points: tuple[str, ...] = ()  # kinds of the point, `SensorKind`
    after_s: float = Field(default=0, ge=0)  # the alert must stand this long first
    entry: bool = True
    category: Code = "other"
    grade: Code | None = None  # proposed; a person judges
    clause: Code | None = None

    def fits(self, hazard: str, severity: str, point: str) -> bool:
        """Whether an alert of this kind, severity and kind of point is this rule's."""
        return (
            (not self.hazards or hazard in self.hazards)
            and (not self.severities or severity in self.severities)
            and (not self.points or point in self.points)
        )


class Judgement(Section):
    """All that decides how a hazard is judged here."""

    name: str
    grades: tuple[Grade, ...]
    layers: tuple[Label, ...]
    terms: tuple[Label, ...]
    categories: tuple[Label, ...]
    sources: tuple[Label, ...]
    three_parts: tuple[Field3, ...]
    three_clear: tuple[Field3, ...]
    major_needs: tuple[Field3, ...]
    scales: tuple[Scale, ...] = ()
    clauses: tuple[Clause, ...] = ()
    false_causes: tuple[Label, ...]
    supervision: tuple[Label, ...] = ()
    roster: tuple[Rung, ...]
    timers: Timers = Timers()
    rules: tuple[AlertRule, ...]

    @model_validator(mode="after")
    def _codes_agree(self) -> Judgement:
        categories, grades = {c.id for c in self.categories}, {g.id for g in self.grades}
        clauses = {c.id for c in self.clauses}
        for n, rule in enumerate(self.rules, 1):
            if rule.category not in categories:
                raise ValueError(f"rules.{n}: category {rule.category!r} is not in categories")
            if rule.grade is not None and rule.grade not in grades:
                raise ValueError(f"rules.{n}: grade {rule.grade!r} is not in grades")
            if rule.clause is not None and rule.clause not in clauses:
                raise ValueError(f"rules.{n}: clause {rule.clause!r} is not in clauses")
        return self

    def major(self, grade: str | None) -> bool:
        """Whether a grade is 重大."""
        return any(g.major for g in self.grades if g.id == grade)

    def rule(self, hazard: str, severity: str, point: str) -> AlertRule | None:
        """The first rule that fits an alert."""
        return next((r for r in self.rules if r.fits(hazard, severity, point)), None)

    def words(self, field: str) -> dict[str, str]:
        """Codes and Chinese names a column may hold; empty where it is free text."""
        labels: dict[str, tuple[Label, ...]] = {
            "grade": self.grades, "layer": self.layers, "term": self.terms, "category": self.categories,
            "source": self.sources, "false_cause": self.false_causes, "clause": self.clauses,
            "supervision": self.supervision,
        }  # fmt: skip
        return {label.id: label.zh for label in labels.get(field, ())}
