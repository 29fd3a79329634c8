"""Numbers missing from an agent's gapless sequence: which, and between which moments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, union_all, update

from server.ingest.tables import durables, quarantine
from server.presence.tables import epochs

LOOKED_AT = 10_000  # numbers a look goes through at most


@dataclass(frozen=True, slots=True)
class Hole:
    """Numbers `first` to `last` have not come. The moments of their neighbours bound when they were made."""

    first: int
    last: int
    after: datetime | None = None
    before: datetime | None = None

    @property
    def count(self) -> int:
        return self.last - self.first + 1


def in_words(holes: Sequence[Hole]) -> str:
    """Say what is missing in one line: "3 events missing 10:02-10:04", in UTC; a log has no other reader."""
    count, after, before = sum(hole.count for hole in holes), holes[0].after, holes[-1].before
    since = "" if after is None else f" {after:%H:%M}-" + ("" if before is None else f"{before:%H:%M}")
    return f"{count} {'event' if count == 1 else 'events'} missing{since}"


def holes_in(seqs: Iterable[int], contiguous: int, last: int) -> tuple[int, list[tuple[int, int]]]:
    """Go through the sorted numbers present above `contiguous`; return its new value and the holes up to `last`."""
    missing: list[tuple[int, int]] = []
    expected = contiguous + 1
    for seq in seqs:
        if seq > expected:
            missing.append((expected, seq - 1))
        expected = max(expected, seq + 1)
    if last >= expected:
        missing.append((expected, last))
    return (missing[0][0] if missing else expected) - 1, missing


def look(connection: Connection, site: str, agent: str, epoch: str, last: int) -> list[Hole]:
    """Find the holes of one outbox up to number `last`, and remember how far it is complete."""
    mine = (epochs.c.site == site, epochs.c.agent == agent, epochs.c.epoch == epoch)
    contiguous = connection.execute(select(epochs.c.contiguous).where(*mine)).scalar() or 0
    present = union_all(
        *(
            select(table.c.seq).where(
                table.c.site == site, table.c.agent == agent, table.c.epoch == epoch, table.c.seq > contiguous
            )
            for table in (durables, quarantine)
        )
    ).subquery()
    seqs = connection.execute(select(present.c.seq).order_by(present.c.seq).limit(LOOKED_AT)).scalars().all()
    if len(seqs) == LOOKED_AT:
        last = min(last, seqs[-1])
    complete, missing = holes_in(seqs, contiguous, last)
    if complete > contiguous:
        connection.execute(update(epochs).where(*mine).values(contiguous=complete))
    return [Hole(first, last) for first, last in missing]


def between(connection: Connection, site: str, agent: str, epoch: str, holes: Sequence[Hole]) -> list[Hole]:
    """Add to holes the moments of the events before and after them."""
    c = durables.c
    beside = [seq for hole in holes for seq in (hole.first - 1, hole.last + 1)]
    rows = connection.execute(
        select(c.seq, c.at).where(c.site == site, c.agent == agent, c.epoch == epoch, c.seq.in_(beside))
    )
    at: dict[int, datetime] = {row.seq: row.at for row in rows}
    return [Hole(hole.first, hole.last, at.get(hole.first - 1), at.get(hole.last + 1)) for hole in holes]
