"""School days: which days are taught, which end a week, which come before a holiday. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from config import ConfigError, load
from config.calendar import Calendar, Span
from server.ledger.judgement import SHIPPED

DAY = timedelta(days=1)


def load_calendar(data: Path | None = None) -> Calendar:
    """Join the calendars of all years; an operator's file replaces the shipped one of the same name."""
    files = {file.name: file for file in SHIPPED.glob("calendar-*.toml")}
    if data is not None:
        files |= {file.name: file for file in (data / "config").glob("calendar-*.toml")}
    calendars = [load(files[name], Calendar) for name in sorted(files)]
    if not calendars:
        raise ConfigError(f"{SHIPPED}: no calendar-YEAR.toml: put one into DATA/config")
    whole = calendars[0]
    for calendar in calendars[1:]:
        whole = whole.joined(calendar)
    return whole


def school_day(calendar: Calendar, day: date, *, boarding: bool = False) -> bool:
    """Whether a day is taught; for a boarding school also the weekends its boarders stay."""
    if not any(day in term for term in calendar.terms) or any(day in holiday for holiday in calendar.holidays):
        return False
    return day.weekday() < 5 or day in calendar.workdays or (boarding and day in calendar.boarding_weekends)


def school_days(calendar: Calendar, first: date, last: date, *, boarding: bool = False) -> Iterator[date]:
    """Return the school days from first to last."""
    return (day for day in days(first, last) if school_day(calendar, day, boarding=boarding))


def last_of_week(calendar: Calendar, day: date, *, boarding: bool = False) -> bool:
    """Whether no school day follows before school is out: at the end of a week or of a row of taught days.

    A Saturday taught in exchange belongs to the days before it: the five minutes are then held on that Saturday.
    """
    return school_day(calendar, day, boarding=boarding) and not school_day(calendar, day + DAY, boarding=boarding)


def holiday_after(calendar: Calendar, day: date) -> Span | None:
    """Return the holiday or vacation that begins when school is out on this day."""
    if not school_day(calendar, day):
        return None
    for ahead in days(day + DAY, day + timedelta(days=9)):
        if school_day(calendar, ahead):
            return None
        for holiday in calendar.holidays:
            if ahead == holiday.first:
                return holiday
        if not any(ahead in term for term in calendar.terms):
            return Span(name="假期", first=ahead, last=ahead)
    return None


def days(first: date, last: date) -> Iterator[date]:
    """Return each day from first to last."""
    return (first + timedelta(days=n) for n in range((last - first).days + 1))
