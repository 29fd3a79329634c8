"""The way up as docs/scale.md describes it: one server on SQLite, then PostgreSQL, then workers and page servers."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from brokers import Broker
from ports import free_port
from postgresql import cluster
from serving import ROOT, ServerProcess, WireAgent, add_user, logged_in, write_config
from waiting import until
from workers import Workers

from contracts.messages import Point

SMOKE = Point(id="smoke-1", name="三层东 烟感", kind="smoke", place="教学楼A")


def alerts(client: httpx.Client) -> dict[str, str]:
    """State by point of all alerts one server shows."""
    return {alert["point"]: alert["state"] for alert in client.get("/api/v1/alerts").json()}


@pytest.mark.timeout(400)
def test_a_school_moves_up_to_workers_and_page_servers_and_keeps_its_story(mosquitto: Broker, tmp_path: Path) -> None:
    add_user(tmp_path / "data")
    http_port = free_port()
    config = write_config(tmp_path, http_port=http_port, mqtt_port=mosquitto.port)
    agent = WireAgent(mosquitto.host, mosquitto.port)
    small = ServerProcess(config, http_port)
    with cluster() as database:
        workers = Workers(tmp_path, database.address, [mosquitto.port])
        ports = [free_port(), free_port()]
        pages = [ServerProcess(workers.config(mosquitto.port, port), port, command="web") for port in ports]
        try:
            small.start(wait=False)
            until(small.ready, within_s=120, what="the small server")
            agent.birth(SMOKE)
            agent.event("smoke-1")
            until(lambda: not agent.unacked, what="a receipt of the small server")
            assert small.end(signal.SIGTERM) == 0
            move = [sys.executable, "-m", "server", "move", "--config", str(config), "--to", database.address]
            subprocess.run(move, cwd=ROOT, check=True, timeout=120)
            workers.start(1)
            for page in pages:
                page.start(wait=False)
            workers.share({"no1"}, (1,))
            for page in pages:
                until(page.ready, within_s=120, what="a page server")
            agent.event("smoke-2")
            until(lambda: not agent.send_again(), what="a receipt of the worker")
            with logged_in(pages[0].base) as one, logged_in(pages[1].base) as other:
                both = {"smoke-1": "active-unacked", "smoke-2": "active-unacked"}
                assert alerts(one) == alerts(other) == both
                [moved] = [alert for alert in one.get("/api/v1/alerts").json() if alert["point"] == "smoke-1"]
                assert one.post(f"/api/v1/alerts/{moved['id']}/ack", json={}).status_code == 200
                assert alerts(other)["smoke-1"] == "active-acked"
                agent.heartbeat(1)
                until(
                    lambda: other.get("/api/v1/agents").json()[0]["link"] == "ok",
                    what="the page server hears of it",
                )
        finally:
            agent.close()
            for process in (small, *pages):
                if process.process is not None:
                    process.end()
            workers.end_all()
