"""Stills go when their days are over, all of them when they are turned off: once an hour, counted in log and audit."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from server.accounts.audit import note
from server.errors import ServerError
from server.services import Services
from server.stills.folder import StillFolder
from server.stills.tables import stills
from server.trust import TrustedClock

EVERY_S = 3600.0
MOST_OF_AN_AGENT = 500  # some 30 MB; its oldest give way
MOST_AT_ONCE = 500
ORPHAN_S = 600.0  # a file without a row so old is what a crash left behind

_log = logging.getLogger(__name__)


async def tidy(services: Services, clock: TrustedClock) -> None:
    """Tidy for ever; trouble is said once when it begins and once when it is over."""
    failing = False
    while True:
        try:
            believed = await asyncio.to_thread(clock.now)
            await asyncio.to_thread(sweep, services, believed)
            if failing:
                _log.info("stills: are deleted in time again")
            failing = False
        except (ServerError, SQLAlchemyError, OSError) as e:
            if not failing:
                _log.error("stills: cannot be deleted: %s", str(e).splitlines()[0])
            failing = True
        await asyncio.sleep(EVERY_S if not failing else 60.0)


def sweep(services: Services, believed: datetime | None) -> int:
    """Delete what is over at a moment that is believed; without one only what goes whatever the time is."""
    folder, gone = services.stills, 0
    while True:
        with services.database.read.connect() as connection:
            over = _over(connection, folder, believed)
        if not over:
            break
        for alert in over:
            folder.drop(alert)  # first: a row without its file shows nothing
        gone += services.writer.write(lambda c, over=over: _forget(c, over, services.now()))
    left = _drop_orphans(services)
    if gone or left:
        _log.info("stills: deleted %d that are over, and %d files of no alarm", gone, left)
    return gone + left


def _over(connection: Connection, folder: StillFolder, believed: datetime | None) -> Sequence[str]:
    c = stills.c
    if not folder.on:
        return connection.execute(select(c.alert).limit(MOST_AT_ONCE)).scalars().all()
    rank = func.row_number().over(partition_by=(c.site, c.agent), order_by=c.received_at.desc()).label("rank")
    ranked = select(c.alert, c.received_at, rank).subquery()
    over = ranked.c.rank > MOST_OF_AN_AGENT
    if believed is not None:
        over |= ranked.c.received_at <= believed - timedelta(days=folder.keep_days)
    return connection.execute(select(ranked.c.alert).where(over).limit(MOST_AT_ONCE)).scalars().all()


def _forget(connection: Connection, over: Sequence[str], now: datetime) -> int:
    gone = connection.execute(delete(stills).where(stills.c.alert.in_(over))).rowcount
    if gone:
        note(connection, now, "(server)", "stills deleted", text=f"{gone} of alarms")
    return gone


def _drop_orphans(services: Services) -> int:
    """Delete files that no row names; a file that is being taken is younger."""
    folder = services.stills
    files = folder.lying(time.time() - (ORPHAN_S if folder.on else 0.0))
    if not files:
        return 0
    with services.database.read.connect() as connection:
        known = set(connection.execute(select(stills.c.alert)).scalars())
    orphans = [file for file in files if file.stem not in known or file.suffix != ".jpg"]
    for file in orphans:
        file.unlink(missing_ok=True)
    return len(orphans)
