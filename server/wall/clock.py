"""The clock on the school's wall."""

from __future__ import annotations

from datetime import datetime

from server.services import Services


def school_time(services: Services, at: datetime) -> datetime:
    """Return a moment as the school's clocks show it."""
    return at.astimezone(services.ledger.judgement.timers.zone)
