"""When a rule is armed: hours of the day, school days, months of the year, by the school's own calendar."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from config import Section

Hours = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-4]):[0-5]\d$")]


class CalendarSection(Section):
    """The school calendar. The dates of each year's holidays are an order of the State Council: enter them yearly."""

    utc_offset_h: float = Field(default=8.0, ge=-12, le=14)  # Asia/Shanghai has had no summer time since 1991
    terms: tuple[tuple[date, date], ...] = ()  # first and last day; none given: the whole year
    holidays: tuple[date, ...] = ()
    workdays: tuple[date, ...] = ()  # 调休: a Saturday or Sunday with lessons


class ScheduleSection(Section):
    """Times at which something holds; all conditions together. `22:00-06:00` runs over midnight."""

    hours: tuple[Hours, ...] = ("00:00-24:00",)
    days: Literal["every", "school", "free"] = "every"
    months: tuple[Annotated[int, Field(ge=1, le=12)], Annotated[int, Field(ge=1, le=12)]] = (1, 12)
