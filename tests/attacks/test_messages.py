"""Messages of an agent that lies: replayed, out of order, forged, too large, of another school."""

from __future__ import annotations

import itertools
import json
import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from contracts.messages import Event, Stamp
from contracts.vocabulary import Clock, Severity
from server.alerts.alert import no_ledger
from server.database import Database, connect, sqlite_address
from server.ingest.decode import LARGEST_PAYLOAD, Arrival
from server.ingest.intake import Answer, Intake
from server.migrate import migrate
from server.presence.presence import Presence

AT = datetime(2026, 9, 1, 6, tzinfo=UTC)
EPOCH = "0190a000-0000-7000-8000-000000000001"


@dataclass
class Ledger:
    """The server's tables, given messages without a broker."""

    database: Database
    intake: Intake

    def take(self, *arrivals: Arrival) -> Sequence[Answer]:
        with self.database.write.begin() as connection:
            return self.intake.take(connection, arrivals)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.database.read.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def state(self) -> list[tuple[Any, ...]]:
        """What people see: which points are in alarm."""
        return self.rows("select site, agent, point, kind, active from alerts order by 1, 2, 3, 4")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    database = connect(sqlite_address(tmp_path / "campus.db"))
    migrate(database)
    yield Ledger(database, Intake(Presence(no_ledger), no_ledger, sites=frozenset({"no1"})))
    database.close()


def event(seq: int, *, active: bool = True, point: str = "smoke-1", epoch: str = EPOCH, **more: object) -> Event:
    stamp = Stamp(at=AT, boot_id="boot", mono_s=float(seq), clock=Clock.SYNCED)
    fields: dict[str, Any] = {"severity": Severity.CRITICAL, "kind": "smoke", **more}
    return Event(id=str(uuid.uuid4()), epoch=epoch, seq=seq, stamp=stamp, point=point, active=active, **fields)


def arrival(message: Event | bytes, agent: str = "lab", kind: str = "events", site: str = "no1") -> Arrival:
    body = message if isinstance(message, bytes) else message.model_dump_json().encode()
    return Arrival(f"campus/1/{site}/{agent}/{kind}", body, AT, 1.0)


def test_what_is_replayed_is_receipted_again_and_changes_nothing(ledger: Ledger) -> None:
    on, off = event(1), event(2, active=False)
    ledger.take(arrival(on), arrival(off))
    before = ledger.rows("select count(*) from durables"), ledger.state()
    for _ in range(3):  # an old alarm sent again must not sound, an old end must not silence
        [answer] = ledger.take(arrival(on), arrival(off))
        assert set(answer.receipt.seqs) == {1, 2}
    assert (ledger.rows("select count(*) from durables"), ledger.state()) == before


def test_the_order_of_arrival_makes_no_difference(tmp_path: Path) -> None:
    story = [event(seq, active=seq % 2 == 1) for seq in range(1, 6)]
    ends: set[str] = set()
    for n, order in enumerate(itertools.islice(itertools.permutations(story), 0, 120, 17)):
        database = connect(sqlite_address(tmp_path / f"{n}.db"))
        migrate(database)
        one = Ledger(database, Intake(Presence(no_ledger), no_ledger))
        for message in order:
            one.take(arrival(message))
        ends.add(json.dumps(one.rows("select max(active) from alerts")))
        database.close()
    assert ends == {"[[1]]"}


def test_a_stolen_agent_cannot_end_anothers_alarm(ledger: Ledger) -> None:
    ledger.take(arrival(event(1)))
    for forged in (event(2, active=False), event(10**9, active=False, epoch=str(uuid.uuid4()))):
        ledger.take(arrival(forged, agent="stolen"))
    assert ("no1", "lab", "smoke-1", "smoke", 1) in ledger.state()


def test_another_agents_number_under_ones_own_name_hides_nothing(ledger: Ledger) -> None:
    """The same epoch and number from a thief must not make the true one look delivered."""
    ledger.take(arrival(event(1, point="decoy"), agent="stolen"))
    ledger.take(arrival(event(1)))
    assert ("no1", "lab", "smoke-1", "smoke", 1) in ledger.state()


def test_a_message_of_a_school_that_is_not_ours_is_put_aside_and_left_to_its_own_server(ledger: Ledger) -> None:
    assert ledger.take(arrival(event(1), site="no2")) == []
    assert ledger.state() == []
    assert ledger.rows("select count(*) from quarantine") == [(1,)]


@pytest.mark.parametrize(
    "body",
    [
        b"x" * (LARGEST_PAYLOAD + 1),
        b"[" * 100_000,
        event(1).model_dump_json().replace('"seq":1', '"seq":9223372036854775808').encode(),
        event(1).model_dump_json().replace('"seq":1', '"seq":-1').encode(),
        event(1).model_dump_json().replace("smoke-1", "../smoke").encode(),
        event(1).model_dump_json().replace("smoke-1", "烟" * 30).encode(),
        event(1, detail={"a": "x"}).model_dump_json().replace('"x"', '"\\u0000"').encode(),
        event(1).model_dump_json().replace('"mono_s":1.0', '"mono_s":1e999').encode(),
        b"\xff\xfe\x00",
    ],
    ids=["too large", "too deep", "too high", "below one", "a path", "no id", "a NUL", "no time", "no text"],
)
def test_what_is_too_much_is_put_aside_and_what_follows_is_taken(body: bytes, ledger: Ledger) -> None:
    ledger.take(arrival(body), arrival(event(5)))
    assert ledger.rows("select seq from durables") == [(5,)]
    assert ledger.rows("select count(*) from quarantine where length(payload) <= 16384") == [(1,)]


def test_an_alarm_with_words_of_a_page_is_only_words(ledger: Ledger) -> None:
    script = "<script>alert(1)</script>"
    ledger.take(arrival(event(1, kind=script[:40], reason=script, value=script)))
    assert len(ledger.state()) == 1  # pages escape it: tests/test_pages.py and the strict CSP


def test_two_thousand_forged_messages_leave_the_one_true_alarm_standing(ledger: Ledger) -> None:
    chance = random.Random(5)
    ledger.take(arrival(event(1)))
    kinds = ("events", "crossings", "heartbeat", "birth", "state")
    for _ in range(20):
        batch: list[Arrival] = []
        for _ in range(100):
            forged = event(chance.randrange(1, 2**40), active=chance.random() < 0.5).model_dump_json()
            cut = forged[: chance.randrange(len(forged))] if chance.random() < 0.7 else forged
            batch.append(arrival(cut.encode(), agent="stolen", kind=chance.choice(kinds)))
        ledger.take(*batch)
    assert ("no1", "lab", "smoke-1", "smoke", 1) in ledger.state()
