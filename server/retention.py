"""How long each kind of data about people is kept: what is over goes once an hour, counted in the log and the audit."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, delete, exists, func, select

from config.server import KeepSection
from server.accounts.audit import note
from server.accounts.tables import audit
from server.changes import changes
from server.ingest.tables import quarantine
from server.presence.tables import epochs
from server.push.tables import push_targets

EVERY = timedelta(hours=1)
MOST_QUARANTINED = 10_000  # an agent that sends nonsense must not fill the disk with it

MOST_CHANGES = 2_000  # in one transaction

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


def forget_changes(connection: Connection, cut: datetime, pushed: Collection[str]) -> int:
    """Delete some of the change feed from before a moment; return how many rows went, 0 when all have.

    Its newest row stays, for numbers go on from it, and what a push target in use has not been told yet. A page that
    asks for more than there is hears `reset` and reads everything anew.
    """
    c = changes.c
    newest = select(func.max(c.n)).scalar_subquery()
    told = select(func.min(push_targets.c.n)).where(push_targets.c.id.in_(pushed)).scalar_subquery()
    old = select(c.n).where(c.n < newest, c.n <= func.coalesce(told, newest)).order_by(c.n).limit(MOST_CHANGES)
    numbers = connection.execute(select(func.max(old.subquery().c.n))).scalar()
    if numbers is None:
        return 0
    # The feed is in the order of its commits, nearly that of its times: what is young ends the piece.
    young = connection.execute(select(func.min(c.n)).where(c.n <= numbers, c.at > cut)).scalar()
    return connection.execute(delete(changes).where(c.n <= numbers, c.n < (young or numbers + 1))).rowcount


def _audit_begins(connection: Connection, cut: datetime) -> int:
    """Return where the chain begins once what is over has gone: at the first line that is not over."""
    first = connection.execute(select(func.min(audit.c.place)).where(audit.c.at > cut)).scalar()
    last = connection.execute(select(func.max(audit.c.place))).scalar() or 0
    return last + 1 if first is None else first
