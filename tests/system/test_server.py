"""The server as a process with real brokers: from an event to a receipt, an alert and the live stream."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from brokers import Broker, free_port
from serving import ServerProcess, WireAgent, add_user, logged_in, sse, until, write_config

from contracts.messages import Point

SMOKE = Point(id="smoke-1", name="三层东 烟感", kind="smoke", place="教学楼A", grid="A-3")


@pytest.fixture
def server(broker: Broker, tmp_path: Path) -> Iterator[ServerProcess]:
    yield from _served(broker.port, tmp_path)


def _served(mqtt_port: int, tmp_path: Path) -> Iterator[ServerProcess]:
    add_user(tmp_path / "data")
    port = free_port()
    process = ServerProcess(write_config(tmp_path, http_port=port, mqtt_port=mqtt_port), port)
    process.start()
    yield process
    process.end()


@pytest.fixture
def agent(broker: Broker) -> Iterator[WireAgent]:
    one = WireAgent(broker.host, broker.port)
    yield one
    one.close()


def test_an_event_becomes_a_receipt_an_alert_and_a_line_of_the_stream(server: ServerProcess, agent: WireAgent) -> None:
    agent.birth(SMOKE)
    agent.heartbeat(1)
    until(lambda: any(r.heartbeat == 1 for r in agent.receipts), what="heartbeat answered")
    with logged_in(server.base) as client:
        stream = sse(client)
        assert next(stream)[0] == "tick"
        agent.event()
        name, n, data = next(item for item in stream if item[0] == "alert")
        assert (name, data["state"], data["name"], data["place"]) == (
            "alert",
            "active-unacked",
            "三层东 烟感",
            "教学楼A",
        )
        assert data["n"] == n
        until(lambda: not agent.unacked, what="receipt")
        stream.close()
        [alert] = client.get("/api/v1/alerts").json()
        assert alert["hazard"] is not None
        answer = client.post(f"/api/v1/alerts/{alert['id']}/ack", json={"comment": "已去现场"})
        assert answer.status_code == 200, answer.text
        assert answer.json()["state"] == "active-acked"
        assert client.get(f"/api/v1/alerts/{alert['id']}").json()["acked_by"] == "tester"
    assert server.end(signal.SIGTERM) == 0
