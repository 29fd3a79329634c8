"""The durable messages of one batch into their table at once; which of them are new is known afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Connection, select

from contracts.messages import Crossing, Event
from contracts.topics import Topic
from server.bulk import Raw, insert_fresh
from server.ingest.decode import Arrival, Decoded, Invalid
from server.ingest.tables import durables
from server.lookup import Lookup
from server.moments import in_utc

_Row = tuple[str, str, str, int]
_Cause = tuple[str, str, str]
_CAUSE = (durables.c.site, durables.c.agent, durables.c.id)
_CAUSES = Lookup(_CAUSE, select(*_CAUSE).where)


@dataclass(slots=True)
class Fresh:
    """Rows that were not there yet, and causes that were. Each is new once."""

    rows: set[_Row]
    known: set[_Cause]

    @classmethod
    def insert(cls, connection: Connection, taken: Iterable[tuple[Arrival, Decoded | Invalid]]) -> Self:
        """Insert the durable ones among decoded messages."""
        values: dict[_Row, dict[str, Any]] = {}
        for arrival, one in taken:
            if isinstance(one, Decoded) and isinstance(one.message, Event | Crossing):
                values.setdefault(_row(one.topic, one.message), _values(one.topic, one.message, arrival))
        if not values:
            return cls(set(), set())
        causes = {(row["site"], row["agent"], row["id"]) for row in values.values()}
        known = _CAUSES.rows(connection, causes)
        fresh = insert_fresh(connection, durables, ("site", "agent", "epoch", "seq"), list(values.values()))
        return cls(
            {(row[0], row[1], row[2], row[3]) for row in fresh}, {(row.site, row.agent, row.id) for row in known}
        )

    def take_row(self, topic: Topic, message: Event | Crossing) -> bool:
        """Tell whether this is the first time the message came."""
        row = _row(topic, message)
        if row not in self.rows:
            return False
        self.rows.discard(row)
        return True

    def take_cause(self, topic: Topic, message: Event | Crossing) -> bool:
        """Tell whether this is the first time anything came of its cause."""
        cause = (topic.site, topic.agent, message.id)
        if cause in self.known:
            return False
        self.known.add(cause)
        return True


def _row(topic: Topic, message: Event | Crossing) -> _Row:
    return topic.site, topic.agent, message.epoch, message.seq


def _values(topic: Topic, message: Event | Crossing, arrival: Arrival) -> dict[str, Any]:
    return {
        "site": topic.site,
        "agent": topic.agent,
        "epoch": message.epoch,
        "seq": message.seq,
        "id": message.id,
        "kind": topic.kind.value,
        "place": message.point if isinstance(message, Event) else message.line,
        "at": in_utc(message.stamp.at),
        "boot_id": message.stamp.boot_id,
        "mono_s": message.stamp.mono_s,
        "clock": message.stamp.clock.value,
        "received_at": arrival.received_at,
        "body": Raw(message.model_dump_json()),
    }
