"""The system's own health becomes faults like any other: wrong clocks, full outboxes, certificates that end, disks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from config.server import ServerConfig
from contracts.messages import Birth, Heartbeat, Stamp
from contracts.topics import Kind, Topic
from contracts.vocabulary import Clock
from server.alerts.alert import no_ledger
from server.alerts.store import listed
from server.changes import changes, head
from server.database import connect, sqlite_address
from server.enrol import authority
from server.enrol.tables import certificates
from server.ingest.decode import Arrival
from server.ingest.intake import Intake
from server.metrics import dropped, make_metrics
from server.migrate import migrate
from server.presence.ailing import CERTIFICATES_EVERY_S, DROPPED_S, HOLD_S, Ailing
from server.presence.ailing import LOOK_EVERY_S as AGENTS_EVERY_S
from server.presence.presence import Presence
from server.wall.own import LOOK_EVERY_S, OwnHealth, own_certificates

AT = datetime(2026, 9, 1, 6, tzinfo=UTC)


class Campus:
    """One agent that beats with what the test wants to be wrong."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.presence = Presence(no_ledger)
        self.intake = Intake(self.presence, no_ledger)
        self.ailing = Ailing()
        self.s = 1000.0
        stamp = Stamp(at=self.now, boot_id="boot-1", mono_s=self.s, clock=Clock.SYNCED)
        self._arrive(Kind.BIRTH, Birth(name="实验楼", stamp=stamp, session=1, epoch="epoch-01").model_dump_json())

    @property
    def now(self) -> datetime:
        return AT + timedelta(seconds=self.s)

    def _arrive(self, kind: Kind, text: str) -> None:
        arrival = Arrival(str(Topic("no1", "lab", kind)), text.encode(), self.now, self.s)
        list(self.intake.take(self.connection, [arrival]))

    def live(self, seconds: float, clock_s: float = 0.0, **beat: object) -> None:
        for _ in range(int(seconds)):
            self.s += 1
            at = self.now - timedelta(seconds=clock_s)
            stamp = Stamp(at=at, boot_id="boot-1", mono_s=self.s, clock=Clock.SYNCED)
            fields = {"n": 1, "stamp": stamp, "session": 1, "epoch": "epoch-01", **beat}
            self._arrive(Kind.HEARTBEAT, Heartbeat.model_validate(fields).model_dump_json())
            self.presence.tick(self.connection, self.now, self.s)
            self.ailing.tick(self.connection, self.presence, self.now, self.s)

    def told(self, after: int) -> list[dict[str, Any]]:
        """What the pages heard of the agent since then."""
        query = select(changes.c.payload).where(changes.c.n > after, changes.c.kind == "agent").order_by(changes.c.n)
        return list(self.connection.execute(query).scalars())

    def faults(self) -> list[tuple[str, str, str]]:
        found = listed(self.connection, only_open=True)
        return [(one.point, one.reason, one.state) for one in found if one.kind == "fault"]


@pytest.fixture
def campus(tmp_path: Path) -> Iterator[Campus]:
    database = connect(sqlite_address(tmp_path / "campus.db"))
    migrate(database)
    with database.write.begin() as connection:
        yield Campus(connection)
    database.close()


@pytest.mark.parametrize(
    ("beat", "fault"),
    [
        ({"clock_s": 95.0}, ("_clock", "clock-wrong")),
        ({"clock_s": -3600.0}, ("_clock", "clock-wrong")),
        ({"depth": 7, "oldest_unacked_s": 300.0}, ("_outbox", "outbox-waiting")),
    ],
    ids=["a clock behind", "a clock ahead", "records that wait"],
)
def test_what_ails_an_agent_is_a_fault_when_it_lasts_and_ends_when_it_is_over(
    campus: Campus, beat: dict[str, float], fault: tuple[str, str]
) -> None:
    campus.live(HOLD_S / 2, **beat)
    assert campus.faults() == []  # it may be passing
    campus.live(HOLD_S + 10, **beat)
    assert campus.faults() == [(*fault, "active-unacked")]
    campus.live(HOLD_S + 10)
    assert campus.faults() == [(*fault, "cleared-unacked")]


@pytest.mark.parametrize(
    ("what", "fault"),
    [("dropped_readings", ("_readings", "readings-dropped")), ("dropped_entries", ("_entries", "entries-dropped"))],
)
def test_what_an_agents_full_queue_drops_is_a_fault_until_a_minute_passes_without(
    campus: Campus, what: str, fault: tuple[str, str]
) -> None:
    campus.live(HOLD_S + 10, **{what: 40})
    assert campus.faults() == []  # of before the server listened
    campus.live(HOLD_S + 10, **{what: 41})
    assert campus.faults() == [(*fault, "active-unacked")]
    campus.live(DROPPED_S + HOLD_S + 10, **{what: 41})
    assert campus.faults() == [(*fault, "cleared-unacked")]


def test_a_part_of_an_agent_that_does_not_run_is_a_fault_by_its_second_heartbeat_and_named_on_the_pages(
    campus: Campus,
) -> None:
    campus.live(10)
    before = head(campus.connection)
    dead = [{"name": "RS485", "state": "failed", "beat_age_s": 31.0, "reason": "hung"}]
    campus.live(AGENTS_EVERY_S - 1, workers=dead)
    assert campus.faults() == []  # a part that starts again at once is no fault
    campus.live(2 * AGENTS_EVERY_S + 1, workers=dead)
    assert campus.faults() == [("_worker", "worker-failed", "active-unacked")]
    assert [one["workers"][0]["name"] for one in campus.told(before) if one.get("workers")] == ["RS485"]
    campus.live(2 * AGENTS_EVERY_S, workers=[*dead, {"name": "zones", "state": "failed", "beat_age_s": 11.0}])
    assert len(campus.told(before)[-1]["workers"]) == 2, "the pages hear of each"
    campus.live(HOLD_S + 10, workers=[{**dead[0], "state": "running"}])
    assert campus.faults() == [("_worker", "worker-failed", "cleared-unacked")]


def test_an_agent_that_began_to_count_anew_has_dropped_nothing_by_that(campus: Campus) -> None:
    campus.live(5, dropped_readings=40, uptime_s=1000.0)
    campus.live(HOLD_S + 10, dropped_readings=0, uptime_s=1.0)
    assert campus.faults() == []


@pytest.mark.parametrize("beat", [{"clock_s": 3.0}, {"depth": 900, "oldest_unacked_s": 3.0}, {"disk_free_mb": 9000.0}])
def test_what_is_usual_is_no_fault(campus: Campus, beat: dict[str, float]) -> None:
    campus.live(HOLD_S + 10, **beat)
    assert campus.faults() == []


def test_a_disk_that_fills_up_is_told_to_the_pages_and_left_to_the_agent_to_report(campus: Campus) -> None:
    campus.live(5)
    before = head(campus.connection)
    campus.live(HOLD_S + 10, disk_free_mb=80.0)
    assert campus.faults() == []
    assert head(campus.connection) == before + 1


@pytest.mark.parametrize(("days", "ailing"), [(13, True), (15, False), (-1, True)])
def test_a_certificate_that_was_not_renewed_is_a_fault(campus: Campus, days: int, *, ailing: bool) -> None:
    for serial, ends, revoked in (("a1", 2, AT), ("a2", days, None), ("a3", days - 90, None)):
        row = {"serial": serial, "site": "no1", "agent": "lab", "key_hash": serial, "not_before": AT}
        times = {"not_after": AT + timedelta(days=ends, hours=1), "revoked_at": revoked}
        campus.connection.execute(insert(certificates).values(**row, **times))
    campus.live(CERTIFICATES_EVERY_S + HOLD_S + 10)
    assert [point for point, *_ in campus.faults()] == (["_certificate"] if ailing else [])
    assert campus.presence.views[0].certificate_ends == AT + timedelta(days=days, hours=1)


@pytest.mark.parametrize(("later", "least_mb", "points"), [
    (timedelta(), 0.0, []),
    (timedelta(days=352), 0.0, ["_certificate"]),
    (timedelta(), 1e12, ["_disk"]),
], ids=["well", "a certificate ends", "the disk is full"])  # fmt: skip
def test_the_servers_own_faults_stand_on_every_schools_wall(
    campus: Campus, tmp_path: Path, later: timedelta, least_mb: float, points: list[str]
) -> None:
    own = authority.load(tmp_path)
    own.make_server(["127.0.0.1"], authority.folder_of(tmp_path), AT)
    files = own_certificates(ServerConfig(data=tmp_path))
    assert len(files) == 2  # its own and its authority's
    health = OwnHealth(no_ledger, tmp_path, files, least_mb)
    for n in range(2):
        health.tick(campus.connection, ("no1", "no2"), AT + later, n * LOOK_EVERY_S)
    found = listed(campus.connection, only_open=True)
    assert sorted((one.site, one.point) for one in found) == [(site, p) for site in ("no1", "no2") for p in points]
    assert {one.agent for one in found} <= {"server"}


def test_what_the_servers_full_queues_drop_is_a_fault_until_a_minute_passes_without(
    campus: Campus, tmp_path: Path
) -> None:
    metrics = make_metrics()
    health = OwnHealth(no_ledger, tmp_path, [], 0.0, dropped=lambda: dropped(metrics))
    states: list[list[tuple[str, str, str]]] = []
    for n, drop in enumerate((None, metrics.dropped.labels("readings"), metrics.history_dropped, None)):
        if drop is not None:
            drop.inc(5)
        health.tick(campus.connection, ("no1",), AT, n * LOOK_EVERY_S)
        states.append(campus.faults())
    assert states[0] == []
    assert states[1] == states[2] == [("_queue", "messages-dropped", "active-unacked")]
    assert states[3] == [("_queue", "messages-dropped", "cleared-unacked")]


def test_a_certificate_that_cannot_be_read_is_said_once(
    campus: Campus, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    health = OwnHealth(no_ledger, tmp_path, [tmp_path / "gone.pem"], 0.0)
    for n in range(3):
        health.tick(campus.connection, ("no1",), AT, n * LOOK_EVERY_S)
    assert len([record for record in caplog.records if "gone.pem" in record.message]) == 1
