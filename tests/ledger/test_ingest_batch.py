"""A batch leaves in the tables what its messages would have left one by one, on both databases."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select

from contracts.messages import Birth, Event, Message, Point, Stamp
from contracts.vocabulary import Severity
from server.alerts.tables import alerts, point_states
from server.changes import announce, changes
from server.database import Database
from server.ingest.decode import Arrival
from server.ingest.intake import Intake
from server.ingest.tables import durables
from server.ledger.sensors import Ledger
from server.ledger.tables import hazards, joined, journal, waiting
from server.ledger.verify import verify
from server.presence.presence import Presence

AT = datetime(2026, 9, 1, 6, tzinfo=UTC)
KINDS = ("smoke", "fire-door", "leak", "gas", "fault", "door")
IDS = frozenset({"id", "alert", "n", "number", "hazard", "recurs_of", "hash", "previous"})


def messages(seed: int) -> list[Arrival]:
    """Births and 150 events of two schools: in disorder, some twice, some again under another number."""
    choose = random.Random(seed)
    points = tuple(Point(id=f"p{n}", name=f"{n} 号点", kind="smoke", place="实验楼") for n in range(6))
    made = [_arrival(0, f"{s}/lab/birth", Birth(name="楼", stamp=_stamp(0), points=points[:4])) for s in ("a", "b")]
    for i in range(1, 76):
        for site in ("a", "b"):
            if i == 50:  # two points get their names while alerts of them stand
                birth = Birth(name="楼", stamp=_stamp(i), session=1, points=points)
                made.append(_arrival(i, f"{site}/lab/birth", birth))
            n = choose.randrange(6)
            event = Event(
                id=f"cause-{i - choose.choice((0, 0, 0, 1)):04d}", epoch="epoch-1234", seq=i, stamp=_stamp(i),
                point=f"p{n}", kind=KINDS[n], active=choose.random() < 0.6, value=1.5,
                severity=choose.choice((Severity.WARNING, Severity.CRITICAL)), reason="test",
            )  # fmt: skip
            made += [_arrival(i, f"{site}/lab/events", event)] * choose.choice((1, 1, 2))
    for _ in range(20):
        a = choose.randrange(2, len(made) - 1)
        made[a], made[a + 1] = made[a + 1], made[a]
    return made


def tables(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """All that came of the messages, without the ids that are made at random."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for table in (durables, alerts, point_states, hazards, joined, waiting, journal, changes):
        columns = [c for c in table.c if c.name not in IDS and c.name not in ("payload", "body")]
        order = [c for c in table.primary_key.columns if c.name != "alert"] or [c for c in table.c if c.name == "at"]
        if table is alerts:
            order = [alerts.c.n]
        found[table.name] = [tuple(row) for row in connection.execute(select(*columns).order_by(*order))]
    payloads = connection.execute(select(changes.c.payload).order_by(changes.c.n)).scalars()
    found["payloads"] = [tuple((k, v) for k, v in sorted(one.items()) if k not in IDS) for one in payloads]
    bodies = connection.execute(select(journal.c.body).order_by(journal.c.site, journal.c.n)).scalars()
    found["bodies"] = [tuple(sorted(json.loads(body))) for body in bodies]
    return found


def run(database: Database, ledger: Ledger, arrivals: Sequence[Arrival], size: int) -> dict[str, list[tuple[Any, ...]]]:
    intake = Intake(Presence(ledger.record_alert), ledger.record_alert)
    with database.write.connect() as connection:
        transaction = connection.begin()
        for first in range(0, len(arrivals), size):
            intake.take(connection, arrivals[first : first + size])
        numbers = list(connection.execute(select(changes.c.n).order_by(changes.c.n)).scalars())
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert verify(connection).broken is None
        found = tables(connection)
        transaction.rollback()
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_batch_leaves_what_single_messages_leave(database: Database, ledger: Ledger, seed: int) -> None:
    arrivals = messages(seed)
    one_by_one = run(database, ledger, arrivals, 1)
    for size in (7, 500):
        together = run(database, ledger, arrivals, size)
        for name, rows in one_by_one.items():
            # Alerts of one batch are told apart by their newest change, as they are one by one.
            assert together[name] == rows, f"{name}, {size} at a time"
    assert any(("change", "named") in one for one in one_by_one["payloads"])
    assert one_by_one["hazards"]
    assert one_by_one["hazard_journal"]


def test_a_reader_never_sees_a_number_before_a_smaller_one(database: Database) -> None:
    """Two writers: the second one's number waits until the first has committed."""
    done: list[int] = []

    def write(then: Callable[[], None]) -> None:
        with database.write.begin() as connection:
            done.append(announce(connection, AT, "alert", "no1", {}))
            then()

    second = threading.Thread(target=write, args=(lambda: None,))

    def meanwhile() -> None:
        second.start()
        second.join(0.3)
        assert len(done) == 1

    write(meanwhile)
    second.join(10.0)
    assert done == sorted(done)
    assert len(done) == 2


def _stamp(second: int) -> Stamp:
    return Stamp(at=AT + timedelta(seconds=second), boot_id="boot-1", mono_s=float(second))


def _arrival(second: int, topic: str, message: Message) -> Arrival:
    payload = message.model_dump_json().encode()
    return Arrival(f"campus/1/{topic}", payload, AT + timedelta(seconds=second), float(second))
