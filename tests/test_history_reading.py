"""Readings for people and programs: in steps of a pixel, as files, and while the history hangs or forgot."""

from __future__ import annotations

import asyncio
import csv
import io
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from serving import PASSWORD, add_user
from sqlalchemy import Connection, delete, insert, select

from config.agent import MqttSection
from config.server import ServerConfig
from server import keeping
from server.accounts.reach import EVERYWHERE
from server.accounts.tables import audit
from server.alerts.alert import no_ledger
from server.app import create_app
from server.assembling import Parts, assemble
from server.changes import announce, changes
from server.errors import ServerError
from server.history import export
from server.history.latest import Key
from server.history.series import Column, Kept, Sample
from server.history.stores import Nowhere
from server.ledger import evidence
from server.ledger.tables import joined
from server.live import Client
from server.pages.session_rooms import rooms
from server.presence.tables import points
from server.services import Services

AT = datetime(2026, 9, 1, 6, tzinfo=UTC)
SECOND = timedelta(seconds=1)
KEY = ("no1", "lab", "t-1")
ASKED = "/api/v1/readings?point=no1/lab/t-1&from=2026-09-01T06:00:00Z&to=2026-09-01T07:00:00Z"
FILE = ASKED.replace("/readings?", "/readings/export?")


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    data = tmp_path / "data"
    for name, role in (("tester", "admin"), ("gate", "gatekeeper")):
        add_user(data, name, role)
    made = assemble(ServerConfig(data=data), MqttSection(), no_ledger)
    with closing(made.services.series) as series:
        series.write([Sample(KEY, AT + n * SECOND, 20.0 + n % 2) for n in range(3_600)])
        series.write([Sample(KEY, AT + 100.5 * SECOND, 90.0), Sample(KEY, AT + 200.5 * SECOND, "=1+1")])
        series.write([Sample(KEY, AT + 300.5 * SECOND, None)])
        with made.services.database.write.begin() as connection:
            point = {"site": "no1", "agent": "lab", "id": "t-1", "name": "t", "kind": "temperature", "unit": "°C"}
            connection.execute(insert(points).values(**point, gone=False, auxiliary=False))
        made.services.writer.start()
        yield made
        made.services.writer.close()
        made.services.database.close()


def web_of(services: Services, name: str = "tester") -> TestClient:
    client = TestClient(create_app(services, rooms(services)), base_url="http://127.0.0.1", client=("127.0.0.1", 1))
    assert client.post("/api/v1/session", json={"name": name, "password": PASSWORD}).status_code == 200
    return client


def test_an_hour_in_a_few_steps_loses_no_spike(parts: Parts) -> None:
    steps = web_of(parts.services).get(f"{ASKED}&width=10").json()
    assert len(steps) == 10
    assert sum(step["n"] for step in steps) == 3_601
    assert (steps[0]["low"], steps[0]["high"]) == (20.0, 90.0)
    assert [step["at"] for step in steps[:2]] == ["2026-09-01T06:00:00Z", "2026-09-01T06:06:00Z"]
    assert web_of(parts.services).get(f"{ASKED}&width=0").status_code == 422


def test_a_file_has_every_reading_in_order_and_stands_in_the_audit(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "PIECE", 1_000)
    answer = web_of(parts.services).get(f"{FILE}&format=csv")
    assert answer.status_code == 200
    head, *rows = csv.reader(io.StringIO(answer.text))
    assert head == ["at", "value"]
    assert len(rows) == 3_603
    assert [at for at, _ in rows] == sorted(at for at, _ in rows)
    values = {row[0]: row[1] for row in rows}
    assert values["2026-09-01T06:01:40.500Z"] == "90.0"
    assert values["2026-09-01T06:03:20.500Z"] == "'=1+1", "a spreadsheet must not run it"
    assert values["2026-09-01T06:05:00.500Z"] == ""
    with parts.services.database.read.connect() as connection:
        said = connection.execute(select(audit.c.by, audit.c.subject).where(audit.c.action == "readings export"))
        assert [tuple(row) for row in said] == [("tester", "no1/lab/t-1")]


def test_a_parquet_file_has_the_same(parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(export, "PIECE", 1_000)
    monkeypatch.setattr(export.tempfile, "tempdir", str(tmp_path))
    answer = web_of(parts.services).get(f"{FILE}&format=parquet")
    assert answer.status_code == 200
    table = parquet.read_table(io.BytesIO(answer.content))
    assert table.num_rows == 3_603
    assert table.column("at")[0].as_py() == AT
    assert sum(v is not None for v in table.column("value").to_pylist()) == 3_601
    assert [v for v in table.column("text").to_pylist() if v is not None] == ["=1+1"]
    assert list(tmp_path.glob("readings-*")) == [], "nothing stays behind"


def test_who_may_look_may_not_always_take_away(parts: Parts) -> None:
    web = web_of(parts.services, "gate")
    assert web.get(ASKED).status_code == 200
    assert web.get(FILE).status_code == 403
    assert "readings/export" not in web.get("/points/no1/lab/t-1").text
    assert "format=csv" in web_of(parts.services).get("/points/no1/lab/t-1").text


class Away(Nowhere):
    """A history that answers nothing."""

    def read(self, key: Key, begin: datetime, end: datetime, limit: int) -> Sequence[Kept]:
        raise ServerError("history: does not answer")

    def columns(self, key: Key, begin: datetime, end: datetime, step: timedelta) -> Sequence[Column]:
        raise ServerError("history: does not answer")


def test_a_history_that_is_away_is_said_on_the_page_and_before_a_file_begins(parts: Parts) -> None:
    web = web_of(replace(parts.services, series=Away()))
    page = web.get("/points/no1/lab/t-1")
    assert page.status_code == 200
    assert "历史库暂时没有应答" in page.text
    assert web.get(ASKED).status_code == 503
    assert web.get(FILE).status_code == 503


@dataclass(frozen=True, slots=True)
class Hanging(Nowhere):
    """A history that answers when it is let go."""

    asked: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def read(self, key: Key, begin: datetime, end: datetime, limit: int) -> Sequence[Kept]:
        self.asked.set()
        assert self.go_on.wait(60)
        return [(begin, 1.0)]


def test_a_hanging_history_holds_up_evidence_and_no_writer(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    history = Hanging()
    services = replace(parts.services, series=history)
    one = evidence.Due("a1", 1, KEY, AT, "°C")
    attached = list[Sequence[evidence.Seen]]()

    def due(_connection: Connection, _now: datetime) -> Sequence[evidence.Due]:
        return [one]

    def attach(_connection: Connection, found: Sequence[evidence.Seen], _now: datetime) -> None:
        attached.append(found)

    monkeypatch.setattr(evidence, "due", due)
    monkeypatch.setattr(evidence, "attach", attach)
    gathering = threading.Thread(target=lambda: asyncio.run(keeping._gather_evidence(services)))
    gathering.start()
    assert history.asked.wait(60)
    for n in range(20):  # an alert is such a job
        assert services.writer.write(lambda _, n=n: n, timeout_s=20.0) == n
    assert not attached
    history.go_on.set()
    gathering.join(60)
    assert [[seen.due for seen in found] for found in attached] == [[one]]
    with services.database.read.connect() as connection:
        assert connection.execute(select(joined)).all() == []


@pytest.mark.parametrize(
    ("after", "names"),
    [
        pytest.param(1, ["reset", "tick"], id="numbers are missing in between"),
        pytest.param(4, ["alert", "tick"], id="the next one is still there"),
        pytest.param(5, ["tick"], id="it knows all"),
    ],
)
def test_a_page_that_was_away_too_long_is_told_to_begin_anew(parts: Parts, after: int, names: list[str]) -> None:
    live = parts.services.live
    with parts.services.database.write.begin() as connection:
        for _ in range(5):
            announce(connection, AT, "alert", "no1", {})
        connection.execute(delete(changes).where(changes.c.n < 5))

    async def heard() -> list[str]:
        live.sent = 5
        found: list[str] = []
        async for data in live.listen(Client("s", EVERYWHERE), after):
            found += [line.removeprefix("event: ") for line in data.decode().splitlines() if line.startswith("event")]
            if "tick" in found:
                break
        return found

    assert asyncio.run(heard()) == names
