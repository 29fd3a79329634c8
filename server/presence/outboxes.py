"""Which outbox files an agent has had; a batch notes each once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Self

from sqlalchemy import Connection

from server.batch import Batch, part_of
from server.bulk import insert_new_rows
from server.database import insert_new
from server.presence.tables import epochs


@dataclass(slots=True)
class Outboxes:
    """Outboxes that a batch heard from."""

    rank: ClassVar[int] = 0
    rows: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict[tuple[str, str, str], dict[str, Any]])

    @classmethod
    def load(cls, connection: Connection, batch: Batch) -> Self:  # noqa: ARG003
        return cls()

    def flush(self, connection: Connection, batch: Batch) -> None:  # noqa: ARG002
        if self.rows:
            insert_new_rows(connection, epochs, list(self.rows.values()))


def note_outbox(connection: Connection, site: str, agent: str, epoch: str, at: datetime) -> None:
    """Remember an outbox file from when it was first heard of."""
    outboxes = part_of(connection, Outboxes)
    if outboxes is not None and (site, agent, epoch) in outboxes.rows:
        return
    row = {"site": site, "agent": agent, "epoch": epoch, "first_seen_at": at, "contiguous": 0}
    if outboxes is None:
        insert_new(connection, epochs, row)
    else:
        outboxes.rows[site, agent, epoch] = row
