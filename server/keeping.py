"""What the server keeps up once a minute: limits and reminders of ledger and duties, signed heads, anchors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from config.server import KeepSection
from server import retention
from server.duties import devices
from server.duties import upkeep as duties
from server.duties.bearers import known_sites
from server.duties.devices import Proof
from server.duties.tasks import Task
from server.errors import ServerError
from server.ledger import evidence, seal
from server.ledger.upkeep import Upkeep, tick
from server.services import Services
from server.trust import TRUSTED, TrustedClock
from server.water.records import register

EVERY_S = 60.0
REST_S = 0.2
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be told of duties, and what devices prove of them."""

    tasks: Sequence[Task]
    proofs: Sequence[Proof]


async def keep(services: Services, data: Path, section: KeepSection | None = None) -> None:
    """Tick for ever; trouble is said once when it begins and once when it is over."""
    key = seal.load_key(data)
    clock = TrustedClock(data / TRUSTED)
    failing = False
    pruned: datetime | None = None
    while True:
        try:
            if pruned is None or services.now() - pruned >= retention.EVERY:
                pruned = services.now()
                if believed := await asyncio.to_thread(clock.now):
                    await _prune(services, section or KeepSection(), believed)
            due = await asyncio.to_thread(_due_duties, services)
            await asyncio.wrap_future(services.writer.submit(lambda c, due=due: once(c, services, key, data, due)))
            await asyncio.to_thread(_anchor, services, key, data)
            await _gather_evidence(services)
            if failing:
                _log.info("ledger upkeep: works again")
            failing = False
        except (ServerError, SQLAlchemyError, OSError) as e:
            if not failing:
                _log.warning("ledger upkeep: %s", e)
            failing = True
        await asyncio.sleep(EVERY_S)


async def _prune(services: Services, section: KeepSection, now: datetime) -> None:
    await asyncio.wrap_future(services.writer.submit(lambda c: retention.prune(c, section, now)))
    pushed = [target.id for target in services.push]
    cut = now - timedelta(days=section.changes_days)
    # In small pieces, so that no alert waits behind them.
    going = True
    while going:
        forgotten = services.writer.submit(lambda c: retention.forget_changes(c, cut, pushed))
        going = bool(await asyncio.wrap_future(forgotten))
        await asyncio.sleep(REST_S)


async def _gather_evidence(services: Services) -> None:
    """Look up outside of the writer, then attach; a crash in between leaves it due."""
    found = await asyncio.to_thread(_look, services)
    if found:
        await asyncio.wrap_future(services.writer.submit(lambda c: evidence.attach(c, found, services.now())))


def _look(services: Services) -> Sequence[evidence.Seen]:
    with services.database.read.connect() as connection:
        wanted = evidence.due(connection, services.now())
    return evidence.look(wanted, services.series)


def once(
    connection: Connection, services: Services, key: Ed25519PrivateKey, data: Path, due: Due | None = None
) -> None:
    """Do all that is due now, in one transaction. `due` are the duties that were judged outside of it."""
    now = services.now()
    tick(connection, Upkeep(services.ledger, key, data))
    register(connection, services.waters, now)
    due = due or _due(connection, services)
    duties.tell(connection, services.ledger, due.tasks, now)
    devices.keep(connection, due.proofs, now)


def _due_duties(services: Services) -> Due:
    # Thousands of tasks at a hundred schools: judged here, so that no alert waits for it behind the writer.
    with services.database.read.connect() as connection:
        return _due(connection, services)


def _due(connection: Connection, services: Services) -> Due:
    tasks = duties.due(connection, services.plan, known_sites(connection), services.now())
    return Due(tasks, devices.changed(connection, services.plan.duties))


def _anchor(services: Services, key: Ed25519PrivateKey, data: Path) -> None:
    with services.database.read.connect() as connection:
        seal.note(connection, key, data, services.now())
