"""Which targets cannot be told, for the wall."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from config.push import PushSection
from server.accounts.reach import Reach
from server.push.tables import push_targets


@dataclass(frozen=True, slots=True)
class PushState:
    """How it stands with one target. `reason` holds no secret."""

    id: str
    name: str
    failing_since: datetime | None
    reason: str
    dropped: int
    sent_at: datetime | None


def states(connection: Connection, targets: Iterable[PushSection], reach: Reach) -> list[PushState]:
    """Return the targets that the alerts of these schools go to."""
    rows = {row.id: row for row in connection.execute(select(push_targets))}
    found: list[PushState] = []
    for target in targets:
        if target.sites and not reach.among(target.sites):
            continue
        row = rows.get(target.id)
        if row is None:
            found.append(PushState(target.id, target.name, None, "", 0, None))
        else:
            found.append(PushState(target.id, target.name, row.failing_since, row.reason, row.dropped, row.sent_at))
    return found
