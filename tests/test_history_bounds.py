"""A count's bounds and quality go with it from the wire to the history, the list of points and the point's page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from serving import PASSWORD, add_user
from sqlalchemy import insert
from waiting import until

from config.agent import MqttSection
from config.server import ServerConfig
from contracts.messages import Reading, Readings
from server.alerts.alert import no_ledger
from server.app import create_app
from server.assembling import Parts, assemble
from server.history.bounds import beside
from server.history.lane import ReadingsLane
from server.ingest.decode import Arrival
from server.pages.session_rooms import rooms
from server.presence.tables import points

EXIT, HEAT = ("no1", "gate", "gate-out"), ("no1", "gate", "heat-1")


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    add_user(tmp_path / "data")
    made = assemble(ServerConfig(data=tmp_path / "data"), MqttSection(), no_ledger)
    services = made.services
    with closing(services.series):
        with services.database.write.begin() as connection:
            for (site, agent, name), kind in ((EXIT, "line"), (HEAT, "heat")):
                row = {"site": site, "agent": agent, "id": name, "name": name, "kind": kind, "unit": "人/分"}
                connection.execute(insert(points).values(**row, gone=False, auxiliary=False))
        services.writer.start()
        yield made
        services.writer.close()
        services.database.close()


def told(parts: Parts, *readings: Reading) -> None:
    """Let the readings lane take a batch as it comes from an agent."""
    services = parts.services
    lane = ReadingsLane(services.latest, services.series, services.metrics)
    lane.start()
    body = Readings(boot_id="b", readings=readings).model_dump_json().encode()
    assert lane.offer(Arrival("campus/1/no1/gate/readings", body, datetime.now(UTC), time.monotonic()))
    until(lambda: services.latest.get(EXIT) is not None)
    lane.close()


def test_bounds_and_quality_are_kept_and_read_beside_the_count(parts: Parts) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    counts = [
        Reading(
            point="gate-out", value=60.0 + n, at=now - timedelta(seconds=50 - 10 * n), low=58, high=77 + n, quality=0.5
        )
        for n in range(5)
    ]
    told(parts, *counts, Reading(point="heat-1", value=21.0, at=now))
    series, earlier = parts.services.series, now - timedelta(minutes=2)
    assert [value for _, value in series.read(beside(EXIT, "high"), earlier, now, 99)] == [77.0, 78.0, 79.0, 80.0, 81.0]
    assert series.read(beside(HEAT, "low"), earlier, now + timedelta(seconds=1), 99) == []
    changed = {(one["agent"], one["point"]) for one in parts.services.latest.take_changed()}
    assert changed == {("gate", "gate-out"), ("gate", "heat-1")}  # pages hear of points alone
    web = TestClient(
        create_app(parts.services, rooms(parts.services)), base_url="http://127.0.0.1", client=("127.0.0.1", 1)
    )
    assert web.post("/api/v1/session", json={"name": "tester", "password": PASSWORD}).status_code == 200
    listed = {one["point"]: one for one in web.get("/api/v1/points").json()}
    assert [listed["gate-out"][key] for key in ("value", "low", "high", "quality")] == [64.0, 58.0, 81.0, 0.5]
    assert [listed["heat-1"][key] for key in ("low", "high", "quality")] == [None, None, None]
    page = web.get("/points/no1/gate/gate-out?span=hour").text
    assert "最近一分钟数到 64 人/分，实际在 58 至 81 之间，可信度 0.50" in page
    assert page.count('class="band"') == 1
    assert 'class="band"' not in web.get("/points/no1/gate/heat-1?span=hour").text
