"""The audit: who did what, from where. Each line carries the hash of the one before, so that none is changed unseen."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from server.accounts.tables import audit
from server.changes import in_commit_order
from server.database import insert_new
from server.ledger.journal import GENESIS, fingerprint
from server.ledger.tables import chains

CHAIN = "_audit"
"""Its chain stands beside those of the sites, so that it is signed daily and noted down outside as they are."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it is chained; `place` counts without a gap."""

    place: int
    at: datetime
    by: str
    address: str
    action: str
    subject: str
    text: str
    previous: str

    def hash(self) -> str:
        """Return the hash that the line must carry: SHA-256 over all of it."""
        return fingerprint(asdict(self))


def note(
    connection: Connection, at: datetime, by: str, action: str, subject: str = "", *, address: str = "", text: str = ""
) -> None:
    """Write one line of the audit in the caller's transaction."""
    in_commit_order(connection)  # as the ledger's chains do: two writers cannot wait for each other
    mine = chains.c.site == CHAIN
    tip = connection.execute(select(chains.c.n, chains.c.hash).where(mine)).one_or_none()
    if tip is None:
        insert_new(connection, chains, {"site": CHAIN, "n": 0, "hash": GENESIS})
    n, previous = (tip.n, tip.hash) if tip is not None else (0, GENESIS)
    line = Line(n + 1, at, by[:80], address[:80], action, subject[:200], text, previous)
    hash_ = line.hash()
    connection.execute(insert(audit).values(**asdict(line), hash=hash_))
    connection.execute(update(chains).where(mine).values(n=line.place, hash=hash_))
