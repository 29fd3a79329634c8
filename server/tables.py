"""Every table of the server in one place, for migrations and for tests that need them all."""

from __future__ import annotations

from server import changes
from server.accounts import tables as accounts
from server.alerts import tables as alerts
from server.database import metadata
from server.drills import tables as drills
from server.duties import tables as duties
from server.enrol import tables as enrol
from server.ingest import tables as ingest
from server.ledger import tables as ledger
from server.presence import tables as presence
from server.push import tables as push
from server.stills import tables as stills
from server.wall import tables as wall
from server.water import tables as water

__all__ = [
    "accounts",
    "alerts",
    "changes",
    "drills",
    "duties",
    "enrol",
    "ingest",
    "ledger",
    "metadata",
    "presence",
    "push",
    "stills",
    "wall",
    "water",
]
