"""The school calendar as data: terms, holidays, days worked in exchange, boarding weekends, exemptions."""

from __future__ import annotations

from datetime import date

from pydantic import model_validator

from config import Section


class Span(Section):
    """Some days, first and last included."""

    name: str
    first: date
    last: date
    provisional: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Span:
        if self.last < self.first:
            raise ValueError(f"{self.name}: ends before it begins")
        return self

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


class Exemption(Section):
    """A day on which some duties are let off, rain for instance. No duty named: those marked `rain_exempt`."""

    day: date
    reason: str
    duties: tuple[str, ...] = ()


class Calendar(Section):
    """One or more years of one district, or of one school."""

    name: str
    source: str = ""
    terms: tuple[Span, ...]
    holidays: tuple[Span, ...] = ()
    workdays: tuple[date, ...] = ()  # 调休: a weekend day that is taught
    boarding_weekends: tuple[date, ...] = ()  # boarders stay: days count as school days for boarding schools
    exemptions: tuple[Exemption, ...] = ()

    def joined(self, other: Calendar) -> Calendar:
        """Return both calendars in one."""
        return Calendar(
            name=self.name, source="; ".join(s for s in (self.source, other.source) if s),
            terms=self.terms + tuple(t for t in other.terms if t not in self.terms),
            holidays=self.holidays + tuple(h for h in other.holidays if h not in self.holidays),
            workdays=tuple(sorted({*self.workdays, *other.workdays})),
            boarding_weekends=tuple(sorted({*self.boarding_weekends, *other.boarding_weekends})),
            exemptions=self.exemptions + tuple(e for e in other.exemptions if e not in self.exemptions),
        )  # fmt: skip
