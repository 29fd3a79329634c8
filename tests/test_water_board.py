"""The water board without a browser: judgement of tiles, the plot, who was sent, patrols, who may what."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from serving import PASSWORD, add_user
from sqlalchemy import select

from config.agent import MqttSection
from config.server import ServerConfig
from config.water import Waters
from contracts.messages import Birth, Heartbeat, Limit, Point, Stamp, Zone
from contracts.topics import Kind, Topic
from server.accounts.tables import audit
from server.alerts.alert import Alert, no_ledger
from server.alerts.rules import Signal
from server.alerts.store import Position, hear
from server.app import create_app
from server.assembling import Parts, assemble
from server.duties.tables import records as duty_records
from server.history.latest import Newest
from server.history.series import Sample
from server.ingest.decode import Arrival
from server.water import escalation
from server.water.plot import INNER, fold, svg
from server.water.records import register, tokens
from server.water.stages import Stage
from server.water.state import Sensor, State, judge

NOW = datetime(2026, 7, 1, 6, tzinfo=UTC)
WATERS = Waters.model_validate(
    {
        "escalation": [{"kinds": ["water-person"], "dwell_s": 30, "ack_s": 60}],
        "water": [
            {
                "site": "s1", "id": "pond", "name": "荷花池", "grade": "orange", "grid": "g1",
                "points": ["pi/zone", "pi/level", "pi/ring", "pi/cam"],
                "level": [{"point": "pi/level", "high": 1.6}],
                "checkpoint": [{"id": "south", "name": "南岸"}, {"id": "north", "name": "北岸"}],
            },
            {"site": "s1", "id": "pool", "name": "泳池", "grade": "red", "points": ["pi/pool-beam"]},
        ],
    }
)  # fmt: skip


def alert(kind: str, *, active: bool = True, reason: str = "", id_: str = "a") -> Alert:
    return Alert(
        id=id_, site="s1", agent="pi", point="p", name="n", kind=kind, severity="warning", began_at=NOW,
        received_at=NOW, active=active, reason=reason,
    )  # fmt: skip


def sensor(kind: str = "zone", **more: Any) -> Sensor:
    return Sensor(agent="pi", point="p", name="n", kind=kind, **more)


PERSON, LEVEL, FAULT = alert("water-person"), alert("water-level"), alert("fault", reason="silent")


@pytest.mark.parametrize(
    ("sensors", "stages", "expected"),
    [
        pytest.param([sensor()], {}, State.CLEAR, id="a sensor that sees nobody"),
        pytest.param([], {}, State.UNKNOWN, id="no sensor is not green"),
        pytest.param([sensor(heard=False)], {}, State.UNKNOWN, id="never heard is not green"),
        pytest.param([sensor(), sensor(alerts=(FAULT,))], {}, State.UNKNOWN, id="one silent sensor is not green"),
        pytest.param([sensor(link="lost")], {}, State.UNKNOWN, id="a silent agent is not green"),
        pytest.param([sensor(blind="covered")], {}, State.UNKNOWN, id="a blind camera is not green"),
        pytest.param([sensor(age_s=100, silence_s=60)], {}, State.UNKNOWN, id="too old is not green"),
        pytest.param([sensor(alerts=(PERSON,))], {}, State.PRESENT, id="somebody is there"),
        pytest.param([sensor(alerts=(PERSON,), link="lost")], {}, State.PRESENT, id="the last true word stands"),
        pytest.param([sensor(alerts=(PERSON,))], {"a": Stage.LINGERING}, State.ALARM, id="and stays"),
        pytest.param([sensor(alerts=(replace(PERSON, reason="dwell"),))], {}, State.ALARM, id="by the agent's word"),
        pytest.param([sensor(alerts=(LEVEL,))], {}, State.ALARM, id="the water rises"),
        pytest.param([sensor(alerts=(replace(PERSON, active=False),))], {}, State.CLEAR, id="who left soon has left"),
        pytest.param(
            [sensor(alerts=(replace(PERSON, active=False),))], {"a": Stage.LINGERING}, State.ALARM,
            id="who stayed long and is seen no more may be under water",
        ),
    ],
)  # fmt: skip
def test_a_tile_is_never_greener_than_what_is_known(
    sensors: list[Sensor], stages: dict[str, Stage], expected: State
) -> None:
    assert judge(sensors, stages).state is expected


def test_a_spike_of_one_sample_in_a_day_is_in_the_picture() -> None:
    samples = [(NOW - timedelta(seconds=s), 1.42) for s in range(0, 86400, 5)]
    samples[1000] = (samples[1000][0], 2.5)
    columns = fold(samples, NOW)
    assert len(columns) == INNER
    assert max(high for _, high in columns.values()) == 2.5
    picture = svg(samples, NOW, [("high", 1.6)], "荷花池")
    assert 'class="limit high"' in picture
    assert len(picture) < 20_000
    assert "—" in svg([(NOW, "text"), (NOW, None)], NOW, [], "x")


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    for name, role in (("tester", "admin"), ("gate", "gatekeeper"), ("county", "county"), ("lead", "principal")):
        add_user(tmp_path / "data", name, role)
    made = assemble(ServerConfig(data=tmp_path / "data"), MqttSection(), no_ledger)
    made = replace(made, services=replace(made.services, waters=WATERS))
    made.services.writer.start()
    names = [("level", "water-level"), ("ring", "life-ring-box"), ("cam", "camera"), ("pool-beam", "beam")]
    marks = (Limit(name="high", value=2.5), Limit(name="critical", value=3.0, severity="critical"))
    weir = Point(id="weir", name="堰", kind="water-level", place="河边", limits=marks)
    stamp = Stamp(at=NOW, boot_id="b", mono_s=1.0)
    birth = Birth(
        name="池塘终端", stamp=stamp, epoch="epoch-pi",
        points=(*(Point(id=i, name=i, kind=k, place="南岸") for i, k in names), weir),
        zones=(Zone(id="zone", name="岸边", place="南岸", camera="cam"),),
    )  # fmt: skip
    beat = Heartbeat(
        n=1, stamp=stamp, epoch="epoch-pi", point_ages_s=dict.fromkeys(("level", "ring", "pool-beam"), 1.0)
    )
    presence, arrival = made.services.presence, Arrival("", b"", datetime.now(UTC), time.monotonic())

    def settle(connection: Any) -> None:
        presence.birth(connection, Topic("s1", "pi", Kind.BIRTH), birth, arrival)
        presence.heartbeat(connection, Topic("s1", "pi", Kind.HEARTBEAT), beat, arrival)
        register(connection, WATERS, datetime.now(UTC) - timedelta(days=30))

    made.services.writer.write(settle)
    made.services.latest.put(("s1", "pi", "level"), Newest(1.42, datetime.now(UTC), datetime.now(UTC)))
    yield made
    made.services.writer.close()
    made.services.database.close()


@pytest.fixture
def web(parts: Parts) -> Iterator[TestClient]:
    with TestClient(create_app(parts.services), base_url="http://127.0.0.1", client=("127.0.0.1", 1)) as client:
        yield client


def log_in(web: TestClient, name: str = "gate") -> None:
    answer = web.post("/api/v1/session", json={"name": name, "password": PASSWORD})
    web.headers["X-CSRF-Token"] = answer.json()["csrf"]


def say(parts: Parts, point: str, kind: str, *, active: bool = True, reason: str = "") -> None:
    at = datetime.now(UTC)
    signal = Signal("s1", "pi", point, kind, active=active, severity="warning", at=at, received_at=at, reason=reason)
    position = Position("epoch-pi", int(time.monotonic() * 1e6))
    parts.services.writer.write(lambda c: hear(c, signal, parts.services.alert_hook, position))


def tiles(web: TestClient) -> dict[str, Any]:
    answer = web.get("/api/v1/water/board")
    assert answer.status_code == 200, answer.text
    return {tile["name"]: tile for tile in answer.json()["tiles"]}


def test_a_board_stands_by_state_then_grade_and_says_why_it_does_not_know(parts: Parts, web: TestClient) -> None:
    log_in(web)
    board = tiles(web)
    assert list(board) == ["荷花池", "河边", "泳池"]
    assert board["荷花池"]["state"] == "unknown"  # the zone has not yet said its first state
    assert [s["reason"] for s in board["荷花池"]["sensors"] if s["reason"]] == ["never"]
    assert (board["荷花池"]["grade_name"], board["河边"]["grade"]) == ("橙", "")
    assert board["河边"]["state"] == "unknown"
    assert not board["河边"]["configured"]
    say(parts, "zone", "water-person", active=False)
    board = tiles(web)
    assert board["荷花池"]["state"] == "clear"
    assert board["荷花池"]["patrol"]["overdue"]
    say(parts, "cam", "fault", reason="covered")
    assert tiles(web)["荷花池"]["state"] == "unknown"
    say(parts, "ring", "life-ring", reason="box-opened")
    assert next(iter(tiles(web))) == "荷花池"
    assert tiles(web)["荷花池"]["state"] == "alarm"


def test_sending_somebody_is_recorded_audited_and_acknowledges(parts: Parts, web: TestClient) -> None:
    say(parts, "zone", "water-person")
    log_in(web)
    body = {"id": "d-1", "who": "南门保安"}
    for _ in range(2):
        answer = web.post("/api/v1/water/s1/pond/dispatch", json=body)
        assert answer.status_code == 200, answer.text
    pond = tiles(web)["荷花池"]
    assert (pond["sent"]["who"], pond["sent"]["by"]) == ("南门保安", "gate")
    assert [(a["state"], a["comment"]) for a in pond["alerts"]] == [("active-acked", "已派南门保安前往")]
    assert web.post("/api/v1/water/arrived", json={"id": "d-1"}).status_code == 200
    assert tiles(web)["荷花池"]["sent"]["arrived_at"]
    with parts.services.database.read.connect() as connection:
        found = connection.execute(select(audit.c.action, audit.c.text).where(audit.c.action.like("water %"))).all()
    assert [tuple(row) for row in found] == [("water dispatch", "南门保安"), ("water arrived", "南门保安")]
    assert web.post("/api/v1/water/s1/nowhere/dispatch", json=body).status_code == 404
    log_in(web, "county")
    assert web.post("/api/v1/water/s1/pond/dispatch", json=body).status_code == 403


def test_who_stays_unnoticed_is_told_to_the_principal_on_the_tile(parts: Parts, web: TestClient) -> None:
    say(parts, "zone", "water-person")
    began = datetime.now(UTC)
    for seconds in (0, 31, 92):
        at = began + timedelta(seconds=seconds)
        parts.services.writer.write(lambda c, at=at: escalation.tick(c, WATERS, parts.services.alert_hook, at))
    log_in(web)
    pond = tiles(web)["荷花池"]
    assert (pond["state"], pond["stage"]["stage"]) == ("alarm", "principal")
    assert "已上报校长" in pond["alerts"][0]["comment"]


def test_a_patrol_ticks_the_duty_when_all_checkpoints_were_visited(parts: Parts, web: TestClient) -> None:
    log_in(web)
    with parts.services.database.read.connect() as connection:
        codes = {place[2]: token for token, place in tokens(connection, WATERS.water[:1]).items()}
    gear = dict.fromkeys(("sign", "ring", "rope", "pole"), True)
    south = {"id": "p-1", "token": codes["south"], "gear": gear | {"rope": False}, "note": "护栏松了", "trouble": True}
    answer = web.post("/api/v1/water/checkin", json=south)
    assert answer.status_code == 200, answer.text
    assert answer.json()["left"] == ["北岸"]
    assert len(answer.json()["hazards"]) == 2
    assert web.post("/api/v1/water/checkin", json=south).json()["hazards"] == []
    last = web.post("/api/v1/water/checkin", json={"id": "p-2", "token": codes["north"], "gear": gear}).json()
    assert (last["left"], last["fulfilled"]) == ([], True)
    pond = tiles(web)["荷花池"]
    assert not pond["patrol"]["overdue"]
    assert pond["gear"]["sign"] is True
    with parts.services.database.read.connect() as connection:
        done = connection.execute(select(duty_records.c.duty, duty_records.c.subject)).all()
        assert ("M15b", "pond") in [tuple(row) for row in done]
        assert ("M11", "g1") in [tuple(row) for row in done]
    assert web.post("/api/v1/water/checkin", json={"id": "p-3", "token": "nonsense"}).status_code == 404


def test_the_level_is_drawn_with_its_limit(parts: Parts, web: TestClient) -> None:
    log_in(web)
    parts.services.series.write([Sample(("s1", "pi", "level"), datetime.now(UTC), 1.42)])
    answer = web.get("/api/v1/water/s1/pond/level.svg")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    assert web.get("/api/v1/water/s1/pool/level.svg").status_code == 404


def test_where_no_limit_is_configured_the_gauges_own_stand_on_the_tile(parts: Parts, web: TestClient) -> None:
    del parts
    log_in(web)
    found = {name: tile["levels"] for name, tile in tiles(web).items() if tile["levels"]}
    assert found["河边"] == [{"agent": "pi", "point": "weir", "high": 2.5, "critical": 3.0}]
    assert found["荷花池"] == [{"agent": "pi", "point": "level", "high": 1.6, "critical": None}]


def test_a_zone_drawn_anew_stands_on_its_waters_tile_by_itself(parts: Parts, web: TestClient) -> None:
    log_in(web)
    presence, arrival = parts.services.presence, Arrival("", b"", datetime.now(UTC), time.monotonic())
    stamp = Stamp(at=NOW, boot_id="b", mono_s=2.0)
    drawn = Zone(id="bank-2", name="浅滩", place="南岸", camera="cam")
    birth = Birth(name="池塘终端", stamp=stamp, session=1, epoch="epoch-pi", zones=(drawn,))
    parts.services.writer.write(lambda c: presence.birth(c, Topic("s1", "pi", Kind.BIRTH), birth, arrival))
    say(parts, "bank-2", "water-person")
    tile = tiles(web)["荷花池"]
    points = [one["point"] for one in tile["sensors"]]
    assert "bank-2" in points
    assert "zone" not in points
    assert tile["state"] == "present"


def test_the_shipped_and_the_commented_waters_load() -> None:
    text = (Path(__file__).parent.parent / "config" / "yuxi" / "waters.toml").read_text(encoding="utf-8")
    shipped = Waters.model_validate(tomllib.loads(text))
    assert shipped.plan_of("water-person")
    example = "\n".join(line.removeprefix("# ") for line in text.split("# [[water]]")[1].splitlines())
    assert Waters.model_validate(tomllib.loads("[[water]]" + example)).water[0].id == "pond"
