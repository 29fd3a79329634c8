"""Workers and page servers share one history server: what a worker takes in, every page server draws."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import history_servers
import pytest
from brokers import Broker
from ports import free_port
from postgresql import cluster
from serving import ServerProcess, WireAgent, add_user, logged_in, until
from workers import Workers

from contracts.messages import Point, Reading, Readings
from contracts.topics import Kind
from server.history.setup import set_up


@pytest.mark.timeout(600)
def test_a_page_server_draws_what_two_workers_took_in(mosquitto: Broker, tmp_path: Path) -> None:
    if reason := history_servers.available("influxdb-1"):
        pytest.skip(reason)
    history = history_servers.make("influxdb-1", tmp_path / "history")
    history.start()
    set_up(history.section())
    began = datetime.now(UTC) - timedelta(minutes=5)
    sites = ("no1", "no2", "no3", "no4")
    agents = [WireAgent(mosquitto.host, mosquitto.port, site) for site in sites]
    with cluster() as database:
        workers = Workers(tmp_path, database.address, [mosquitto.port], history=history.toml())
        port = free_port()
        page = ServerProcess(workers.config(mosquitto.port, port), port, command="web")
        try:
            workers.start(1)
            workers.start(2)
            for agent in agents:
                agent.birth(Point(id="t-1", name="t", kind="temperature"))
            workers.share(sites, (1, 2))
            assert set(workers.holders().values()) == {"ingest-1", "ingest-2"}, "both have work"
            page.start(wait=False)
            until(page.ready, "a page server", 120)
            add_user(tmp_path / "data", address=database.address)
            for n, agent in enumerate(agents):
                values = tuple(Reading(point="t-1", value=float(n), at=began + timedelta(seconds=i)) for i in range(60))
                agent.publish(Kind.READINGS, Readings(boot_id=agent.boot_id, readings=values).model_dump_json())
            with logged_in(page.base) as client:
                for n, site in enumerate(sites):
                    asked = f"/api/v1/readings?point={site}/lab/t-1"
                    until(lambda asked=asked: len(client.get(asked).json()) == 60, f"{site} is drawn", 60)
                    assert {one["value"] for one in client.get(asked).json()} == {float(n)}
                    steps = client.get(f"{asked}&width=6").json()
                    assert sum(step["n"] for step in steps) == 60
        finally:
            for agent in agents:
                agent.close()
            if page.process is not None:
                page.end()
            workers.end_all()
            history.kill()
