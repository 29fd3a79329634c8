"""A history that cannot be written: alerts do not notice, and the readings are written when it can be again."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from brokers import Broker
from ports import free_port
from serving import ServerProcess, WireAgent, add_user, write_config
from waiting import until

from contracts.messages import Point, Reading, Readings
from contracts.topics import Kind


@pytest.mark.parametrize("seconds", [8, pytest.param(300, marks=[pytest.mark.soak, pytest.mark.timeout(900)])])
def test_a_locked_history_holds_up_no_alert_and_has_no_hole_afterwards(
    seconds: float, mosquitto: Broker, tmp_path: Path
) -> None:
    add_user(tmp_path / "data")
    port = free_port()
    server = ServerProcess(write_config(tmp_path, http_port=port, mqtt_port=mosquitto.port), port)
    server.start()
    agent = WireAgent(mosquitto.host, mosquitto.port)
    began = datetime.now(UTC)
    sent = 0
    slowest_s = 0.0
    try:
        agent.birth(Point(id="t-1", name="t", kind="temperature"))
        agent.heartbeat(1)
        until(lambda: any(r.heartbeat == 1 for r in agent.receipts), what="heartbeat answered")
        history = tmp_path / "data" / "history.db"
        sent += _read(agent, began, sent)
        until(lambda: _kept(history) == sent, what="the first readings are kept")
        with closing(sqlite3.connect(history, timeout=10, isolation_level=None)) as robber:
            robber.execute("begin exclusive")
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                sent += _read(agent, began, sent)
                asked = time.monotonic()
                agent.event("t-1", "heat", active=agent.seq % 2 == 0)
                until(lambda: not agent.unacked, what="an alarm is receipted")
                slowest_s = max(slowest_s, time.monotonic() - asked)
                time.sleep(0.1)
            robber.execute("rollback")
        until(lambda: _kept(history) == sent, what="every reading is kept")
    finally:
        agent.close()
        server.end()
    print(f"slowest receipt {slowest_s * 1000:.0f} ms, {sent} readings")
    assert slowest_s < 5, "generous: a busy machine"
    assert server.log().count("wait in memory") == 1
    assert server.log().count("is written again") == 1


def _read(agent: WireAgent, began: datetime, before: int) -> int:
    readings = tuple(
        Reading(point="t-1", value=float(n), at=began + timedelta(milliseconds=n)) for n in range(before, before + 10)
    )
    agent.publish(Kind.READINGS, Readings(boot_id=agent.boot_id, readings=readings).model_dump_json())
    return len(readings)


def _kept(history: Path) -> int:
    if not history.exists():
        return 0
    with closing(sqlite3.connect(f"file:{history}?mode=ro", uri=True, timeout=5)) as database:
        try:
            return int(database.execute("select count(*) from samples").fetchone()[0])
        except sqlite3.OperationalError:  # it is being made
            return 0
