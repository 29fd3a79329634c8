"""The clock on the school's wall."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from server.services import Services


def school_time(services: Services, at: datetime) -> datetime:
    """Return a moment as the school's clocks show it."""
    return at.astimezone(timezone(timedelta(hours=services.ledger.judgement.timers.utc_offset_hours)))
