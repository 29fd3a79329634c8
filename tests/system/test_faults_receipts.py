"""Messages and receipts that come twice, in any order, or not at all: one entry for each event, and none is missing."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from brokers import Broker
from chain import chain, wait_for
from chaos import DEAF, FINE, ChaosLine
from ports import free_port
from serving import ServerProcess, WireAgent, add_user, write_config
from waiting import until

from contracts.messages import Point
from contracts.topics import Kind

WIRE = Path(__file__).parent.parent / "fixtures" / "wire"
EVENTS = 300


def _rows(data: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(data / "campus.db")) as database:
        return database.execute(sql).fetchall()


def test_every_event_three_times_in_any_order_is_recorded_once_and_the_newest_state_stands(
    broker: Broker, tmp_path: Path
) -> None:
    seed = random.randrange(10_000)
    print(f"seed {seed}")
    add_user(tmp_path / "data")
    port = free_port()
    server = ServerProcess(write_config(tmp_path, http_port=port, mqtt_port=broker.port), port)
    server.start()
    agent = WireAgent(broker.host, broker.port)
    try:
        agent.birth(*(Point(id=f"p{n}", name=f"p{n}", kind="level") for n in range(10)))
        made = [agent.event(f"p{n % 10}", "anomaly", active=n // 10 % 2 == 0, send=False) for n in range(EVENTS)]
        shuffled = made * 3
        random.Random(seed).shuffle(shuffled)
        for event in shuffled:
            agent.publish(Kind.EVENTS, event.model_dump_json())
        until(lambda: not agent.unacked, what="all are receipted")
        agent.heartbeat(1)
        until(lambda: any(r.heartbeat == 1 for r in agent.receipts), what="all before the heartbeat is dealt with")
    finally:
        agent.close()
        server.end()
    data = tmp_path / "data"
    assert _rows(data, "select count(*), count(distinct seq), max(seq) from durables") == [(EVENTS, EVENTS, EVENTS)]
    assert _rows(data, "select count(*) from alerts where active = 1") == [(0,)], (
        "the last word of each point was: ended"
    )
    assert _rows(data, "select distinct active from point_states") == [(0,)]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seconds", [9, pytest.param(60, marks=[pytest.mark.soak, pytest.mark.timeout(600)])])
def test_when_no_receipt_gets_through_all_is_sent_again_and_recorded_once(
    seconds: float, mosquitto: Broker, tmp_path: Path
) -> None:
    with (
        ChaosLine((mosquitto.host, mosquitto.port), seed=5) as line,
        chain(tmp_path, mosquitto, rate=30, agent_to=line.port) as whole,
    ):
        wait_for("events flow", lambda: len(whole.recorded()) > 10, 90)
        line.set(DEAF)
        time.sleep(seconds)
        line.set(FINE)
        whole.quiet()
        wait_for("all is recorded", whole.settled, 120)
        assert whole.verdict().clean()


def _messages_of(version: str) -> list[Path]:
    """Oldest first: a version's folder holds what it changed, all else is as the one before it said it."""
    return [file for folder in sorted(WIRE.iterdir()) if folder.name <= version for file in folder.glob("*.json")]


@pytest.mark.parametrize("version", sorted(p.name for p in WIRE.iterdir()))
def test_what_an_agent_of_an_older_version_says_is_taken_and_answered(
    version: str, mosquitto: Broker, tmp_path: Path
) -> None:
    said = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in _messages_of(version)}
    add_user(tmp_path / "data")
    port = free_port()
    server = ServerProcess(write_config(tmp_path, http_port=port, mqtt_port=mosquitto.port), port)
    server.start()
    agent = WireAgent(mosquitto.host, mosquitto.port)
    try:
        epoch = said["events"]["epoch"]
        for kind in ("birth", "state", "events", "crossings", "heartbeat", "readings"):
            agent.publish(Kind(kind), json.dumps(said[kind]))
        until(lambda: any(r.heartbeat == said["heartbeat"]["n"] for r in agent.receipts), what="the heartbeat's answer")
        until(lambda: {s for r in agent.receipts if r.epoch == epoch for s in r.seqs} >= {said["events"]["seq"]})
        assert _rows(tmp_path / "data", "select count(*) from quarantine") == [(0,)]
        later = said["events"] | {"seq": 9_000, "id": "a-later-version", "kind": "a-new-hazard", "new_field": [1]}
        agent.publish(Kind.EVENTS, json.dumps(later))
        until(lambda: any(9_000 in r.seqs for r in agent.receipts), what="a newer agent's event is taken too")
    finally:
        agent.close()
        server.end()
