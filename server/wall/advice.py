"""What to do when something happens, in the school's own words; the first line stands on the card."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, select

from contracts.vocabulary import Hazard
from server.accounts.audit import note
from server.database import upsert
from server.errors import UnknownError
from server.wall.tables import advice

LONGEST = 2000


def own(connection: Connection, site: str, language: str) -> Mapping[str, str]:
    """Return a site's own texts by kind; what it has none for, all sites' text stands for."""
    rows = connection.execute(
        select(advice.c.kind, advice.c.text)
        .where(advice.c.language == language, advice.c.site.in_(("", site)))
        .order_by(advice.c.site)
    )
    return {row.kind: row.text for row in rows}


def write(connection: Connection, site: str, kind: str, language: str, text: str, by: str, now: datetime) -> None:
    """Replace a text; an empty one gives the shipped text back."""
    if kind not in set(Hazard):
        raise UnknownError(f"advice: {kind} is no kind of hazard")
    key = {"site": site, "kind": kind, "language": language}
    if text.strip():
        upsert(connection, advice, key, {"text": text.strip(), "at": now, "by": by})
    else:
        connection.execute(delete(advice).where(*(advice.c[name] == value for name, value in key.items())))
    note(connection, now, by, "advice", f"{site}/{kind}/{language}", text=text.strip() or "(shipped)")
