"""What the server keeps up once a minute: limits and reminders of ledger and duties, signed heads, anchors."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from server.duties import upkeep as duties
from server.duties.tasks import known_sites
from server.errors import ServerError
from server.ledger import evidence, seal
from server.ledger.upkeep import Upkeep, tick
from server.services import Services
from server.water.records import register

EVERY_S = 60.0
_log = logging.getLogger(__name__)


async def keep(services: Services, data: Path) -> None:
    """Tick for ever; trouble is said once when it begins and once when it is over."""
    key = seal.load_key(data)
    failing = False
    while True:
        try:
            await asyncio.wrap_future(services.writer.submit(lambda c: once(c, services, key, data)))
            await asyncio.to_thread(_anchor, services, key, data)
            if failing:
                _log.info("ledger upkeep: works again")
            failing = False
        except (ServerError, SQLAlchemyError, OSError) as e:
            if not failing:
                _log.warning("ledger upkeep: %s", e)
            failing = True
        await asyncio.sleep(EVERY_S)


def once(connection: Connection, services: Services, key: Ed25519PrivateKey, data: Path) -> None:
    """Do all that is due now, in one transaction."""
    now = services.now()
    tick(connection, Upkeep(services.ledger, key, data))
    register(connection, services.waters, now)
    evidence.gather(connection, services.series.read, now)
    duties.tick(connection, services.plan, services.ledger, known_sites(connection), now)


def _anchor(services: Services, key: Ed25519PrivateKey, data: Path) -> None:
    with services.database.read.connect() as connection:
        seal.note(connection, key, data, services.now())
