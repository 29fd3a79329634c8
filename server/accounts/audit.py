"""The audit: who did what, from where."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert

from server.accounts.tables import audit


def note(
    connection: Connection, at: datetime, by: str, action: str, subject: str = "", *, address: str = "", text: str = ""
) -> None:
    """Write one line of the audit in the caller's transaction."""
    values = {"at": at, "by": by[:80], "address": address, "action": action, "subject": subject[:200], "text": text}
    connection.execute(insert(audit).values(values))
