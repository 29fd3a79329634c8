"""Load the plan: duties and calendars, the operator's copies before the shipped ones."""

from __future__ import annotations

from pathlib import Path

from config import load
from config.duties import Duties
from server.duties.calendar import load_calendar
from server.duties.tasks import Plan
from server.ledger.judgement import data_file, load_judgement


def load_plan(data: Path | None = None) -> Plan:
    """Return the whole plan; raise ConfigError that names the file and the key."""
    offset = load_judgement(data).timers.utc_offset_hours
    return Plan(load(data_file("duties.toml", data), Duties), load_calendar(data), offset)
