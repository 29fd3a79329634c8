"""Duties as data: what is to be done, how often, by whom, what proves it, and what a miss does."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Literal

from pydantic import Field, model_validator

from config import Section
from contracts.vocabulary import SensorKind

DutyId = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,20}$")]
Period = Literal[
    "day", "school-day", "last-school-day-of-week", "before-holiday", "week", "month", "quarter", "semester", "year",
    "standing", "per-hazard", "as-issued",
]  # fmt: skip
Subject = Literal["school", "class", "grid", "person", "water", "county", "city"]
Stage = Literal["kindergarten", "primary", "middle", "high", "nine-year"]


class Duty(Section):
    """One duty. `target` is the amount in one period, in `unit`; 0 means it is shown and never missed."""

    id: DutyId
    zh: str
    en: str = ""
    period: Period
    subject: Subject = "school"
    roles: tuple[str, ...] = ()  # who sees it on his page of today; empty: those of the school's safety
    stages: tuple[Stage, ...] = ()  # kinds of school; empty: all
    months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = ()  # a season; empty: all year
    target: float = Field(default=1, ge=0)
    unit: str = "次"
    evidence: tuple[str, ...] = ()  # what a record must hold
    zero_report: bool = False  # an empty result must say so: 零报告
    remind: time | None = None
    remind_day: int | None = Field(default=None, ge=1, le=28)  # of a month: from this day on it is reminded of
    due: time = time(23, 59, 59)
    teaching: bool = True  # only in periods with a school day
    rain_exempt: bool = False
    page: str = Field(default="", pattern="^(/[a-z-]+)*$")  # where it is done, shown with the duty
    by_hand: bool = True  # False: only what proves it ticks it, no person's word
    proved_by: tuple[str, ...] = ()  # what ticks it by itself: drill, patrol, hazard-judged, …
    devices: tuple[SensorKind, ...] = ()  # of a standing duty in %: kinds of points whose working share is its amount
    miss: Literal["nothing", "reminder", "entry"] = "reminder"
    category: str = "other"  # of the ledger entry a miss opens
    stated: bool = True  # False: our proposal where the rule is silent
    note: str = ""

    @model_validator(mode="after")
    def _goes_together(self) -> Duty:
        if self.remind is not None and self.remind >= self.due:
            raise ValueError("remind: must be before due")
        if self.remind_day is not None and self.period != "month":
            raise ValueError("remind_day: is for duties of a month")
        if not self.by_hand and not self.proved_by:
            raise ValueError("by_hand: a duty that nobody may record must be proved by something (proved_by)")
        if self.devices and (self.period != "standing" or self.subject != "school"):
            raise ValueError("devices: is for standing duties of a school")
        return self


class Duties(Section):
    """The whole plan."""

    name: str
    duties: tuple[Duty, ...]

    @model_validator(mode="after")
    def _ids_are_single(self) -> Duties:
        seen: set[str] = set()
        for duty in self.duties:
            if duty.id in seen:
                raise ValueError(f"duties: {duty.id} is there twice")
            seen.add(duty.id)
        return self

    def duty(self, id_: str) -> Duty | None:
        """Return a duty by its id."""
        return next((duty for duty in self.duties if duty.id == id_), None)
