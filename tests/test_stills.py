"""Stills on the server: refused unless turned on, kept for their days, shown to few, each look noted, then gone."""

from __future__ import annotations

import base64
import json
import logging
import os
import stat
import time
import zipfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from uuid_utils import uuid7
from waiting import until

from config.agent import MqttSection
from config.server import ServerConfig, StillsSection
from contracts.messages import AlarmStill, Birth, Event, Message, Point, Stamp, Zone
from contracts.vocabulary import Severity
from server.accounts import sessions
from server.accounts.permissions import Role
from server.accounts.reach import Reach, put
from server.accounts.tables import audit, users
from server.alerts.tables import alerts
from server.app import create_app
from server.assembling import Parts, assemble
from server.database import connect, sqlite_address
from server.ingest.decode import Arrival
from server.ingest.tables import durables
from server.keeping import evidence
from server.ledger.tables import hazards
from server.ledger.verify import verify
from server.moments import now
from server.safekeeping.backup import backup
from server.stills.jpeg import PictureError, size_of
from server.stills.reading import StillError, read_still
from server.stills.retention import sweep
from server.stills.tables import stills

RECORDED = Path(__file__).parent / "fixtures" / "wire" / "0.2" / "stills.json"
STILL = AlarmStill.model_validate_json(RECORDED.read_text(encoding="utf-8"))
JPEG = base64.b64decode(STILL.image)


class School:
    """A server without a broker that one agent with a camera speaks to."""

    def __init__(self, folder: Path, days: int) -> None:
        (folder / "data").mkdir(exist_ok=True)
        config = ServerConfig(data=folder / "data", stills=StillsSection(keep_days=days))
        self.parts: Parts = assemble(config, MqttSection())
        self.services = self.parts.services
        self.folder = config.data / "stills"
        self.seq = 0
        self.services.writer.start()
        self.parts.stills.start()
        stamp = Stamp(at=now(), boot_id="boot", mono_s=1.0)
        zone = Zone(id="bank", name="荷花池边", place="荷花池", camera="pond-cam")
        camera = Point(id="pond-cam", name="池塘摄像机", kind="camera", place="荷花池")
        self.hear("birth", Birth(name="终端", stamp=stamp, points=(camera,), zones=(zone,)))

    def arrival(self, kind: str, message: Message, agent: str = "pi") -> Arrival:
        return Arrival(f"campus/1/s1/{agent}/{kind}", message.model_dump_json().encode(), now(), time.monotonic())

    def hear(self, kind: str, message: Message, agent: str = "pi") -> None:
        assert self.services.writer.offer(self.arrival(kind, message, agent))

    def alarm(
        self,
        point: str = "bank",
        kind: str = "water-person",
        *,
        active: bool = True,
        severity: Severity = Severity.CRITICAL,
    ) -> str:
        """Raise an alarm; return its event's id."""
        self.seq += 1
        id_ = str(uuid7())
        stamp = Stamp(at=now(), boot_id="boot", mono_s=1.0)
        self.hear(
            "events",
            Event(
                id=id_,
                epoch="epoch-0001",
                seq=self.seq,
                stamp=stamp,
                point=point,
                kind=kind,
                active=active,
                severity=severity,
            ),
        )
        until(lambda: id_ in self.column(durables.c.id), what="the event is committed")
        return id_

    def still(self, event: str, **more: Any) -> Arrival:
        return self.arrival("stills", STILL.model_copy(update={"event": event, "at": now(), **more}))

    def column(self, column: Any) -> list[Any]:
        with self.services.database.read.connect() as connection:
            return list(connection.execute(select(column)).scalars())

    def client(self, role: Role, site: str = "s1", *, grids: tuple[str, ...] = ()) -> TestClient:
        reach = Reach(frozenset({site}), {site: frozenset(grids)} if grids else {})
        with self.services.database.write.begin() as connection:
            name = f"{role}-{site}-{len(grids)}"
            row = {"name": name, "role": role.value, "password": "-", "created_at": now(), "disabled": False}
            key = connection.execute(users.insert().values(row)).inserted_primary_key
            put(connection, key[0] if key else 0, reach)
            token = sessions.open_session(connection, key[0] if key else 0, self.services.steady())
        headers = {"cookie": f"session={token}", "x-csrf-token": sessions.csrf_of(token)}
        return TestClient(create_app(self.services), base_url="http://127.0.0.1", headers=headers)

    def said(self, action: str) -> list[tuple[str, str, str]]:
        with self.services.database.read.connect() as connection:
            query = select(audit.c.by, audit.c.subject, audit.c.text).where(audit.c.action == action)
            return [(row.by, row.subject, row.text) for row in connection.execute(query)]


@contextmanager
def running(folder: Path, days: int = 7) -> Generator[School]:
    school = School(folder, days)
    try:
        yield school
    finally:
        school.parts.stills.close()
        school.services.writer.close()
        school.services.database.close()


@pytest.fixture
def school(tmp_path: Path) -> Iterator[School]:
    with running(tmp_path) as made:
        yield made


def test_a_still_of_an_alarm_is_shown_to_few_and_each_look_is_noted(school: School) -> None:
    assert school.parts.stills.offer(school.still(school.alarm()))
    [alert] = until(lambda: school.column(stills.c.alert), what="the still is kept")
    assert stat.S_IMODE(school.folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in school.folder.iterdir()] == [0o600]
    [hazard] = school.column(hazards.c.id)
    with school.client(Role.SECURITY) as guard:
        story = guard.get(f"/api/v1/hazards/{hazard}").json()
        assert (story["alerts"][0]["still"]["camera"], story["still_days"]) == ("pond-cam", 7)
        assert school.said("alert still") == []
        for _ in range(2):
            answer = guard.get(f"/api/v1/alerts/{alert}/still")
            assert (answer.status_code, answer.content) == (200, JPEG)
            assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("image/jpeg", "no-store")
    assert school.said("alert still") == [("security-s1-0", alert, "")] * 2
    for role in (Role.GATEKEEPER, Role.TEACHER, Role.TECHNICIAN, Role.ADMIN, Role.KIOSK, Role.SCREEN):
        with school.client(role) as other:
            assert other.get(f"/api/v1/alerts/{alert}/still").status_code == 403
            seen = other.get(f"/api/v1/hazards/{hazard}")
            assert 'still"' not in seen.text or seen.json()["alerts"][0].get("still") is None
    for stranger in (school.client(Role.PRINCIPAL, "s2"), school.client(Role.SECURITY, grids=("东区",))):
        with stranger as other:
            assert other.get(f"/api/v1/alerts/{alert}/still").status_code == 404
    with school.client(Role.PRINCIPAL) as own:
        assert own.get("/api/v1/alerts/nothing/still").status_code == 404
        assert own.get(f"/api/v1/alerts/{alert}/still").status_code == 200
    assert len(school.said("alert still")) == 3


def test_the_job_deletes_what_is_over_says_so_and_the_entry_lives_on(
    school: School, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    alert = school.parts.stills.take(school.still(school.alarm()))
    [hazard] = school.column(hazards.c.id)
    late = now() + timedelta(seconds=75)
    with school.services.database.read.connect() as connection:
        due = evidence.due(connection, late)
    seen = [evidence.Seen(one, ()) for one in due]
    school.services.writer.write(lambda c: evidence.attach(c, seen, late))
    assert sweep(school.services, now() + timedelta(days=6, hours=23)) == 0
    assert len(list(school.folder.iterdir())) == 1
    assert sweep(school.services, now() + timedelta(days=7, hours=1)) == 1
    assert list(school.folder.iterdir()) == []
    assert school.said("stills deleted") == [("(server)", "", "1 of alarms")]
    assert "deleted 1 that are over" in caplog.text
    with school.client(Role.PRINCIPAL) as own:
        assert own.get(f"/api/v1/alerts/{alert}/still").status_code == 404
        story = own.get(f"/api/v1/hazards/{hazard}").json()
    assert story["alerts"][0]["still"] is None
    [named] = [row for row in story["story"] if row["action"] == "evidence"]
    assert len(named["body"]["evidence"]["still"]["sha256"]) == 64
    assert "打码画面" in named["text"]
    with school.services.database.read.connect() as connection:
        assert verify(connection).broken is None


def test_turned_off_all_go_at_once_whatever_the_clock_says(tmp_path: Path) -> None:
    with running(tmp_path) as school:
        school.parts.stills.take(school.still(school.alarm()))
        (school.folder / ".half.part").write_bytes(JPEG)
    with running(tmp_path, days=0) as off:
        assert sweep(off.services, None) == 2
        assert list(off.folder.iterdir()) == []
        assert off.column(stills.c.alert) == []
        assert off.said("stills deleted") == [("(server)", "", "1 of alarms")]


def test_what_is_over_is_not_shown_even_before_the_job_has_run(school: School) -> None:
    alert = school.parts.stills.take(school.still(school.alarm()))
    with school.services.database.write.begin() as connection:
        connection.execute(stills.update().values(received_at=now() - timedelta(days=7, minutes=1)))
    with school.client(Role.PRINCIPAL) as own:
        assert own.get(f"/api/v1/alerts/{alert}/still").status_code == 404


def test_files_that_a_crash_left_behind_go_too(school: School) -> None:
    alert = school.parts.stills.take(school.still(school.alarm()))
    for name, age_s in (("0" * 36 + ".jpg", 700), (".x.part", 700), ("1" * 36 + ".jpg", 0)):
        file = school.folder / name
        file.write_bytes(JPEG)
        os.utime(file, (time.time() - age_s, time.time() - age_s))
    assert sweep(school.services, now()) == 2
    assert sorted(file.stem for file in school.folder.iterdir()) == sorted([alert, "1" * 36])


def test_off_is_the_default_and_nothing_is_taken(tmp_path: Path) -> None:
    assert ServerConfig(data=tmp_path).stills.keep_days == 0
    with running(tmp_path, days=0) as school:
        assert school.parts.stills.offer(school.still(school.alarm())) is False
        assert not school.folder.exists()
        with pytest.raises(ValueError, match="less than or equal to 30"):
            StillsSection(keep_days=31)


@pytest.mark.parametrize(
    ("alarm", "still", "reason"),
    [
        ({}, {"event": str(uuid7())}, "not known"),
        ({"active": False}, {}, "no alarm"),
        ({"severity": Severity.ADVISORY}, {}, "no alarm"),
        ({"kind": "fault", "severity": Severity.FAULT}, {}, "no alarm"),
        ({"point": "door", "kind": "smoke"}, {}, "not of camera"),
        ({}, {"camera": "another"}, "not of camera"),
        ({}, {"width": 7}, "said was 7x"),
        ({}, {"image": base64.b64encode(JPEG + b"more").decode()}, "FF"),
        ({}, {"image": "%%%"}, "picture"),
    ],
)
def test_a_still_that_does_not_belong_is_refused_and_leaves_nothing(
    school: School, alarm: dict[str, Any], still: dict[str, Any], reason: str
) -> None:
    event = school.alarm(**alarm)
    with pytest.raises(StillError) as refused:
        school.parts.stills.take(school.still(**{"event": event, **still}))
    assert reason in str(refused.value) or reason == "FF"
    assert not school.folder.exists()


def test_another_agents_event_an_old_one_and_a_drills_have_no_still(school: School) -> None:
    event = school.alarm()
    foreign = school.arrival("stills", STILL.model_copy(update={"event": event}), "thief")
    with pytest.raises(StillError, match="not known"):
        school.parts.stills.take(foreign)
    with school.services.database.write.begin() as connection:
        connection.execute(alerts.update().values(drill=True))
    with pytest.raises(StillError, match="drill"):
        school.parts.stills.take(school.still(event))
    with school.services.database.write.begin() as connection:
        connection.execute(durables.update().values(received_at=now() - timedelta(minutes=5)))
    with pytest.raises(StillError, match="long ago"):
        school.parts.stills.take(school.still(event))
    assert not school.folder.exists()


def test_an_alarm_has_one_still_and_an_agent_few_a_minute(school: School) -> None:
    event = school.alarm()
    school.parts.stills.take(school.still(event))
    for _ in range(5):
        with pytest.raises(StillError, match="has one already"):
            school.parts.stills.take(school.still(event))
    with pytest.raises(StillError, match="in a minute"):
        school.parts.stills.take(school.still(event))


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2) + body


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8",
        b"GIF89a" + JPEG,
        b"\x89PNG\r\n\x1a\n",
        b"<svg onload=alert(1)>",
        JPEG[:-2],
        JPEG[: len(JPEG) // 2],
        JPEG + b"\0",
        JPEG + JPEG,
        JPEG[:2] + segment(0xE1, b"Exif\0\0GPS") + JPEG[2:],
        JPEG[:2] + segment(0xFE, b"a comment") + JPEG[2:],
        JPEG[:2] + segment(0xE0, b"JFXX\0\x10thumbnail") + JPEG[2:],
        JPEG.replace(b"\xff\xc0", b"\xff\xc2", 1),
    ],
)
def test_what_is_no_plain_jpeg_is_refused(data: bytes) -> None:
    with pytest.raises(PictureError):
        size_of(data)


def test_a_picture_too_large_or_kept_by_the_broker_is_refused() -> None:
    big = JPEG[:2] + segment(0xDB, bytes(60_000)) + JPEG[2:]
    message = {**json.loads(RECORDED.read_text(encoding="utf-8")), "image": base64.b64encode(big).decode()}
    with pytest.raises(StillError, match="of this kind: image"):
        read_still(Arrival("campus/1/s1/pi/stills", json.dumps(message).encode(), now(), 0.0))
    with pytest.raises(StillError, match="kept it"):
        read_still(Arrival("campus/1/s1/pi/stills", RECORDED.read_bytes(), now(), 0.0, retained=True))


def test_a_backup_holds_no_still(school: School, tmp_path: Path) -> None:
    school.parts.stills.take(school.still(school.alarm()))
    database = connect(sqlite_address(tmp_path / "data" / "campus.db"))
    try:
        made = tmp_path / "backup.zip"
        backup(database, tmp_path / "data", made, None)
    finally:
        database.close()
    with zipfile.ZipFile(made) as copy:
        assert copy.namelist()
        for name in copy.namelist():
            assert JPEG not in copy.read(name), name
            assert STILL.image.encode() not in copy.read(name), name
