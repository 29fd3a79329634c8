"""Keeps the history up behind everything else: roll-ups first, then what is too old; in short pieces with rests."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from server.errors import ServerError
from server.history.series import Series
from server.trust import TrustedClock

EVERY_S = 10.0
REST_S = 0.05  # between two pieces, so that readings find their turn

_log = logging.getLogger(__name__)


async def tidy(series: Series, clock: TrustedClock, now: Callable[[], datetime]) -> None:
    """Tidy for ever; trouble is said once when it begins and once when it is over."""
    failing = False
    while True:
        try:
            deleted = await once(series, clock, now)
            if deleted:
                _log.info("history: %d readings were too old and are deleted", deleted)
            if failing:
                _log.info("history upkeep: works again")
            failing = False
        except ServerError as e:
            if not failing:
                _log.warning("history upkeep: %s; tried again every %.0f s", e, EVERY_S)
            failing = True
        await asyncio.sleep(EVERY_S)


async def once(series: Series, clock: TrustedClock, now: Callable[[], datetime], rest_s: float = REST_S) -> int:
    """Do all that is due; return how many samples were deleted."""
    deleted = 0
    while True:
        done = await asyncio.to_thread(lambda: series.tidy(now(), clock.now()))
        deleted += done.deleted
        if not done.more:
            return deleted
        await asyncio.sleep(rest_s)
