"""Schedules: whether a rule is armed at a UTC second, by the school's calendar. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import assert_never

from config.schedules import CalendarSection, ScheduleSection

SATURDAY = 5


def covers(schedule: ScheduleSection, calendar: CalendarSection, utc: float) -> bool:
    """Whether a schedule covers an instant. A clock that cannot be read counts as covered: rather armed than blind."""
    try:
        local = datetime.fromtimestamp(utc, UTC) + timedelta(hours=calendar.utc_offset_h)
    except (ValueError, OverflowError, OSError):
        return True
    if not _month_fits(local.month, *schedule.months):
        return False
    minute = local.hour * 60 + local.minute
    return any(
        start <= minute < end and _day_fits(schedule, calendar, local.date() - timedelta(days=back))
        for hours in schedule.hours
        for start, end, back in _spans(hours)
    )


def is_school_day(calendar: CalendarSection, day: date) -> bool:
    """Whether lessons are held: within a term, no holiday, Monday to Friday or a 调休 workday."""
    if day in calendar.holidays:
        return False
    if calendar.terms and not any(first <= day <= last for first, last in calendar.terms):
        return False
    return day in calendar.workdays or day.weekday() < SATURDAY


def _spans(hours: str) -> list[tuple[int, int, int]]:
    """Return (first minute, minute after the last, days back to the day the hours belong to)."""
    start, end = (int(text[:2]) * 60 + int(text[3:]) for text in hours.split("-"))
    return [(start, end, 0)] if start < end else [(start, 24 * 60, 0), (0, end, 1)]


def _day_fits(schedule: ScheduleSection, calendar: CalendarSection, day: date) -> bool:
    match schedule.days:
        case "every":
            return True
        case "school":
            return is_school_day(calendar, day)
        case "free":
            return not is_school_day(calendar, day)
        case _:
            assert_never(schedule.days)


def _month_fits(month: int, first: int, last: int) -> bool:
    return first <= month <= last if first <= last else month >= first or month <= last
