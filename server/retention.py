"""How long each kind of data about people is kept: what is over goes once an hour, counted in the log and the audit."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, delete, exists, func, select

from config.server import KeepSection
from server.accounts.audit import note
from server.accounts.tables import audit
from server.ingest.tables import quarantine
from server.presence.tables import epochs

EVERY = timedelta(hours=1)
MOST_QUARANTINED = 10_000  # an agent that sends nonsense must not fill the disk with it

BEGINS = "; the audit begins at line {}"
"""Written into the chain itself, so that lines missing at its beginning are known to have gone for their age."""

_log = logging.getLogger(__name__)


def prune(connection: Connection, section: KeepSection, now: datetime) -> Mapping[str, int]:
    """Delete what is over at a moment that is believed; return how many rows of each kind went.

    A number put aside still counts as come (`server/presence/holes.py`): its row stays until all before it have come.
    """
    outbox = and_(*(epochs.c[key] == quarantine.c[key] for key in ("site", "agent", "epoch")))
    counted = exists().where(outbox, epochs.c.contiguous < quarantine.c.seq)
    old = (quarantine.c.received_at <= now - timedelta(days=section.quarantine_days)) & ~counted
    begin = _audit_begins(connection, now - timedelta(days=section.audit_days))
    unchained = audit.c.place.is_(None) & (audit.c.at <= now - timedelta(days=section.audit_days))
    newest = connection.execute(select(func.max(quarantine.c.n))).scalar() or 0
    gone = {
        "audit": connection.execute(delete(audit).where(unchained | (audit.c.place < begin))).rowcount,
        "quarantine": connection.execute(
            delete(quarantine).where(old | (quarantine.c.n <= newest - MOST_QUARANTINED))
        ).rowcount,
    }
    found = {kind: count for kind, count in gone.items() if count}
    if found:
        said = ", ".join(f"{count} of {kind}" for kind, count in found.items())
        said += BEGINS.format(begin) if gone["audit"] else ""
        note(connection, now, "(server)", "retention", text=said)
        _log.info("retention: deleted what is over: %s", said)
    return found


def _audit_begins(connection: Connection, cut: datetime) -> int:
    """Return where the chain begins once what is over has gone: at the first line that is not over."""
    first = connection.execute(select(func.min(audit.c.place)).where(audit.c.at > cut)).scalar()
    last = connection.execute(select(func.max(audit.c.place))).scalar() or 0
    return last + 1 if first is None else first
