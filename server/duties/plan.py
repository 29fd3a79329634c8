"""The plan: duties and calendars, the operator's copies before the shipped ones, and the hours of this place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta, timezone
from pathlib import Path

from config import load
from config.calendar import Calendar
from config.duties import Duties
from server.duties.calendar import load_calendar
from server.ledger.judgement import data_file, load_judgement


@dataclass(frozen=True, slots=True)
class Plan:
    """The duties, the calendar, and the hours of this place."""

    duties: Duties
    calendar: Calendar
    utc_offset_hours: float = 8
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of schools by site, from the files of their drills: for those nobody registered with the duties."""

    @property
    def zone(self) -> timezone:
        """Return the local time zone."""
        return timezone(timedelta(hours=self.utc_offset_hours))


def load_plan(data: Path | None = None) -> Plan:
    """Return the whole plan; raise ConfigError that names the file and the key."""
    offset = load_judgement(data).timers.utc_offset_hours
    return Plan(load(data_file("duties.toml", data), Duties), load_calendar(data), offset)
