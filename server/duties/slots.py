"""Slots: the periods in which one duty is to be done, each with its key and the moment it is due. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from config.calendar import Calendar
from config.duties import Duty
from server.duties import calendar as school


@dataclass(frozen=True, slots=True)
class Slot:
    """One period of one duty, days included; `due` is aware."""

    duty: str
    key: str
    first: date
    last: date
    due: datetime


def slots(
    duty: Duty, calendar: Calendar, first: date, last: date, zone: tzinfo, *, boarding: bool = False
) -> Iterator[Slot]:
    """Return the duty's slots that touch the days from first to last."""
    for key, start, end in _periods(duty, calendar, first, last, boarding=boarding):
        if duty.months and not any(day.month in duty.months for day in (start, end)):
            continue
        taught = any(True for _ in school.school_days(calendar, start, end, boarding=boarding))
        if duty.teaching and not taught:
            continue
        if start == end and _exempt(duty, calendar, start):
            continue
        yield Slot(duty.id, key, start, end, datetime.combine(end, duty.due, zone))


def _periods(
    duty: Duty, calendar: Calendar, first: date, last: date, *, boarding: bool
) -> Iterator[tuple[str, date, date]]:
    match duty.period:
        case "day" | "school-day" | "last-school-day-of-week" | "before-holiday":
            for day in school.days(first, last):
                if key := _day_key(duty.period, calendar, day, boarding=boarding):
                    yield key, day, day
        case "week":
            yield from _weeks(first, last)
        case "month" | "quarter" | "year":
            yield from _months(first, last, {"month": 1, "quarter": 3, "year": 12}[duty.period])
        case "semester":
            yield from ((t.name, t.first, t.last) for t in calendar.terms if t.first <= last and t.last >= first)
        case "standing":
            yield "standing", last, last
        case "per-hazard" | "as-issued":
            return


def _day_key(period: str, calendar: Calendar, day: date, *, boarding: bool) -> str:
    match period:
        case "school-day":
            counts = school.school_day(calendar, day, boarding=boarding)
        case "last-school-day-of-week":
            counts = school.last_of_week(calendar, day, boarding=boarding)
        case "before-holiday":
            holiday = school.holiday_after(calendar, day)
            return f"{day.isoformat()}-{holiday.name}" if holiday else ""
        case _:
            counts = True
    return day.isoformat() if counts else ""


def _weeks(first: date, last: date) -> Iterator[tuple[str, date, date]]:
    monday = first - timedelta(days=first.weekday())
    while monday <= last:
        year, week, _ = monday.isocalendar()
        yield f"{year}-W{week:02d}", monday, monday + timedelta(days=6)
        monday += timedelta(days=7)


def _months(first: date, last: date, length: int) -> Iterator[tuple[str, date, date]]:
    start = date(first.year, (first.month - 1) // length * length + 1, 1)
    while start <= last:
        months = start.month - 1 + length
        after = date(start.year + months // 12, months % 12 + 1, 1)
        name = {1: f"{start:%Y-%m}", 3: f"{start.year}-Q{(start.month + 2) // 3}", 12: str(start.year)}[length]
        yield name, start, after - timedelta(days=1)
        start = after


def _exempt(duty: Duty, calendar: Calendar, day: date) -> bool:
    return any(
        exemption.day == day and (duty.id in exemption.duties or (not exemption.duties and duty.rain_exempt))
        for exemption in calendar.exemptions
    )


def start_of(day: date, zone: tzinfo) -> datetime:
    """Return the first moment of a day."""
    return datetime.combine(day, time(), zone)
