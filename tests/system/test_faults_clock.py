"""Clocks that are wrong and jump: nothing is lost, restarted, expired or late by the wall clock's word."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from brokers import Broker
from chain import Chain, chain, wait_for
from serving import add_user, logged_in
from wall_clock import WallClock

DAY_S = 86_400


@contextmanager
def two_clocks(
    folder: Path, broker: Broker, agent_starts_s: float = 0
) -> Generator[tuple[Chain, WallClock, WallClock]]:
    """Run a chain whose agent and server have wall clocks of their own."""
    of_agent, of_server = WallClock(folder / "agent.clock"), WallClock(folder / "server.clock")
    of_agent.set(agent_starts_s)
    add_user(folder / "server")
    around = {"a0": of_agent.around, "server": of_server.around}
    with chain(folder, broker, rate=8, around=around) as whole:
        wait_for("events flow", lambda: len(whole.recorded()) > 10, 90)
        yield whole, of_agent, of_server


def _alerts(whole: Chain, where: str) -> int:
    return int(whole.query(f"select count(*) from alerts where {where}")[0][0])


def _late(whole: Chain) -> int:
    """Alerts of the points that are called late though a newer word of their point had not overtaken them."""
    return _alerts(whole, "point like 'a0-%' and late = 1 and (cleared_at is null or cleared_at <> began_at)")


def _flows(whole: Chain) -> None:
    before = len(whole.recorded())
    wait_for("events flow on", lambda: len(whole.recorded()) > before + 10, 20)


@pytest.mark.timeout(180)
def test_an_agent_that_starts_in_1970_and_learns_the_time_loses_nothing_and_its_alarms_are_fresh(
    mosquitto: Broker, tmp_path: Path
) -> None:
    with two_clocks(tmp_path, mosquitto, agent_starts_s=30 - time.time()) as (whole, of_agent, _):
        assert whole.query("select count(*) from durables where substr(at, 1, 4) = '1970'")[0][0] > 10
        unsynced = whole.query("select count(*) from durables where clock = 'unsynced'")[0][0]
        assert unsynced > 10 or _host_is_synced(whole)
        for offset_s in (0, 400 * DAY_S, -3600, 3600, 37):
            of_agent.set(offset_s)
            _flows(whole)
        for n in range(20):
            of_agent.set(1 if n % 2 else -1)
            time.sleep(0.1)
        of_agent.set(0)
        whole.quiet()
        wait_for("all is recorded", whole.settled, 120)
        assert whole.verdict().clean()
        pids = whole.query("select count(distinct boot_id) from durables")[0][0]
        assert pids == 1
        assert _late(whole) == 0, "a fresh alarm is never late"
        assert whole.agent.running()
        assert "no progress" not in whole.agent.said()
        assert "stood still" not in whole.agent.said()
        order = [row[0] for row in whole.query("select seq from durables order by n")]
        assert len(order) == len(set(order))


def _host_is_synced(whole: Chain) -> bool:
    return whole.query("select count(*) from durables where clock = 'synced'")[0][0] > 0


@pytest.mark.timeout(180)
def test_a_server_whose_clock_jumps_logs_nobody_out_loses_no_agent_and_calls_no_fresh_alarm_late(
    mosquitto: Broker, tmp_path: Path
) -> None:
    with (
        two_clocks(tmp_path, mosquitto) as (whole, _, of_server),
        logged_in(f"http://127.0.0.1:{whole.http_port}") as client,
    ):
        pid = whole.server.pid
        for offset_s in (400 * DAY_S, -3600, 37):
            of_server.set(offset_s)
            _flows(whole)
            assert client.get("/api/v1/session").status_code == 200, f"logged out by {offset_s}"
            assert client.get("/api/v1/alerts").status_code == 200
        with pytest.raises(httpx.HTTPStatusError):
            httpx.get(f"{client.base_url}/api/v1/alerts", timeout=10).raise_for_status()
        whole.quiet()
        wait_for("all is recorded", whole.settled, 120)
        assert whole.verdict().clean()
        assert whole.server.running()
        assert whole.server.pid == pid
        assert _late(whole) == 0
        assert _alerts(whole, "point = '_presence'") == 0, "a clock's jump made nobody silent"
        links = [json.loads(row[0])["link"] for row in whole.query("select payload from changes where kind = 'agent'")]
        assert "lost" not in links
