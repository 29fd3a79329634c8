"""The server as a process with real brokers: from an event to a receipt, an alert and the live stream."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import psutil
import pytest
from brokers import Broker
from ports import free_port
from serving import ServerProcess, WireAgent, add_user, logged_in, sse, write_config
from waiting import until

from contracts.messages import Point
from contracts.topics import Kind
from server.broker_users import enroll

SMOKE = Point(id="smoke-1", name="三层东 烟感", kind="smoke", place="教学楼A", grid="A-3")


@pytest.fixture
def server(broker: Broker, tmp_path: Path) -> Iterator[ServerProcess]:
    yield from _served(tmp_path, broker.port)


@pytest.fixture
def single(mosquitto: Broker, tmp_path: Path) -> Iterator[ServerProcess]:
    """A server where the kind of broker makes no difference."""
    yield from _served(tmp_path, mosquitto.port)


@pytest.fixture
def embedding(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server with its own broker."""
    yield from _served(tmp_path, None)


def _served(tmp_path: Path, mqtt_port: int | None) -> Iterator[ServerProcess]:
    add_user(tmp_path / "data")
    port, embedded = free_port(), mqtt_port is None
    config = write_config(tmp_path, http_port=port, mqtt_port=mqtt_port or free_port(), embedded=embedded)
    process = ServerProcess(config, port)
    try:
        process.start()
        yield process
    finally:
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


KILLED = """
import asyncio, os, pathlib, signal, sys
from config import load
from config.server import ServerConfig
from server.running import serve
config = load(pathlib.Path(sys.argv[1]), ServerConfig)
counter = pathlib.Path(sys.argv[1]).with_name("kills")
def failpoint(name):
    # Between commit and receipt, while kills are left and this transaction held events.
    left = int(counter.read_text())
    if name == "after-commit" and left > 0 and holds_new(config.data / "campus.db"):
        counter.write_text(str(left - 1))
        os.kill(os.getpid(), signal.SIGKILL)
seen = [None]
def holds_new(file):
    import sqlite3
    rows = sqlite3.connect(file).execute("SELECT count(*) FROM durables").fetchone()[0]
    before, seen[0] = seen[0], rows
    return before is not None and rows > before
asyncio.run(serve(config, failpoint=failpoint))
"""


def rows(tmp_path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(tmp_path / "data" / "campus.db")) as connection:
        return connection.execute(statement).fetchall()


@pytest.mark.timeout(300)
def test_a_server_killed_between_commit_and_receipt_loses_and_doubles_nothing(
    mosquitto: Broker, tmp_path: Path
) -> None:
    kills = 5
    add_user(tmp_path / "data")
    (tmp_path / "kills").write_text(str(kills))
    port = free_port()
    process = ServerProcess(write_config(tmp_path, http_port=port, mqtt_port=mosquitto.port), port, KILLED)
    process.start()
    agent = WireAgent(mosquitto.host, mosquitto.port)
    agent.birth(SMOKE)
    deaths, sent_again = 0, 0
    deadline = time.monotonic() + 240
    while (agent.unacked or deaths < kills) and time.monotonic() < deadline:
        for _ in range(0 if deaths == kills or len(agent.unacked) > 200 else 5):
            agent.event(active=agent.seq % 2 == 0)
        time.sleep(0.2)
        assert process.process is not None
        if process.process.poll() is not None:
            deaths += 1
            process.start(wait=False)
            time.sleep(1.0)
            sent_again += agent.send_again()
        elif deaths == kills:
            time.sleep(0.5)
            sent_again += agent.send_again()
    agent.close()
    events = agent.seq
    process.end()
    assert not agent.unacked
    assert deaths == kills
    assert sent_again > 0
    assert rows(tmp_path, "SELECT count(*), count(DISTINCT seq), min(seq), max(seq) FROM durables") == [
        (events, events, 1, events)
    ]


def test_what_is_not_ours_is_put_aside_answered_and_stops_nothing(server: ServerProcess, agent: WireAgent) -> None:
    agent.birth(SMOKE)
    for payload in (b"", b"\xff\xfe", b"[]", b'{"seq": 1}', b"[" * 50_000, b"x" * 300_000):
        agent.publish(Kind.EVENTS, payload)
    agent.publish(Kind.EVENTS, '{"epoch": "' + agent.epoch + '", "seq": 7, "id": "half an event"}')
    agent.client.publish("campus/1/no1/lab/nonsense", b"x", qos=1)
    agent.client.publish("campus/1/NO1/lab/events", b"x", qos=1)
    agent.event()
    until(lambda: not agent.unacked, what="the good event is receipted after all the bad ones")
    until(lambda: any(one.seq == 7 for r in agent.receipts for one in r.rejected), what="the bad one is rejected")
    with logged_in(server.base) as client:
        assert len(client.get("/api/v1/alerts").json()) == 1


def read_numbers(client: httpx.Client, after: int) -> list[int]:
    """The numbers that a page which comes back is given before the first tick."""
    numbers: list[int] = []
    for _name, n, _data in sse(client, after):
        if n is None:
            break
        numbers.append(n)
    return numbers


def test_the_stream_is_replayed_exactly_once_over_a_restart(
    single: ServerProcess, mosquitto: Broker, tmp_path: Path
) -> None:
    agent = WireAgent(mosquitto.host, mosquitto.port)
    agent.birth(SMOKE)
    for _ in range(10):
        agent.event(active=agent.seq % 2 == 0)
    until(lambda: not agent.unacked, what="receipts")
    with logged_in(single.base) as client:
        first = read_numbers(client, 0)
    single.end()
    agent.event(send=False)
    single.start()
    agent.send_again()
    until(lambda: not agent.unacked, what="receipt after the restart")
    agent.close()
    middle = first[len(first) // 2]
    with logged_in(single.base) as client:
        again = read_numbers(client, middle)
    assert first == list(range(1, len(first) + 1))
    assert again == list(range(middle + 1, middle + 1 + len(again)))
    assert len(again) > len(first) - middle


def test_logging_out_ends_the_stream(single: ServerProcess) -> None:
    with logged_in(single.base) as client:
        stream = sse(client)
        next(stream)
        began = time.monotonic()
        assert client.post("/api/v1/logout").status_code == 204
        for _ in stream:
            assert time.monotonic() - began < 20
        assert client.get("/api/v1/alerts").status_code == 401


def test_the_embedded_broker_lets_each_agent_speak_for_itself_only(embedding: ServerProcess, tmp_path: Path) -> None:
    data = tmp_path / "data"
    lab, spy = enroll(data, "no1", "lab"), enroll(data, "no1", "spy")  # while it runs
    port = embedding.mqtt_port()
    honest = WireAgent("127.0.0.1", port, user=lab.user, password=lab.password_file.read_text().strip())
    foreign = WireAgent("127.0.0.1", port, agent="spy", user=spy.user, password=spy.password_file.read_text().strip())
    try:
        honest.birth(SMOKE)
        foreign.birth()
        event = honest.event(send=False)
        forged = '{"epoch": "' + honest.epoch + '", "seqs": [1]}'
        foreign.client.publish(honest.topic(Kind.RECEIPT), forged, qos=1)  # a receipt only the server may give
        foreign.client.publish(honest.topic(Kind.EVENTS), event.model_dump_json(), qos=1)  # in another's name
        foreign.event()
        until(lambda: not foreign.unacked, what="its own event is receipted")
        assert honest.unacked
        assert rows(tmp_path, "SELECT DISTINCT agent FROM durables") == [("spy",)]
        until(lambda: honest.send_again() == 0, what="the honest one is receipted")
        for name in ("nats.conf", "users.json", "server.password", "no1.lab.password"):
            assert (data / "broker" / name).stat().st_mode & 0o077 == 0
        assert lab.password_file.read_text().strip() not in embedding.log()
    finally:
        honest.close()
        foreign.close()


def test_a_broker_that_dies_is_started_again_and_goes_with_the_server(embedding: ServerProcess) -> None:
    assert embedding.process is not None
    server = psutil.Process(embedding.process.pid)
    [broker] = server.children()
    broker.kill()
    until(
        lambda: [c.pid for c in server.children() if c.status() != "zombie"] not in ([], [broker.pid]),
        what="again",
    )
    until(embedding.ready, what="the broker is back")
    assert "starting it again" in embedding.log()
    [broker] = server.children()
    assert embedding.end(signal.SIGTERM) == 0
    until(lambda: not broker.is_running(), what="no process is left behind")


def test_a_killed_server_takes_its_broker_along(embedding: ServerProcess) -> None:
    assert embedding.process is not None
    [broker] = psutil.Process(embedding.process.pid).children()
    embedding.end(signal.SIGKILL)
    until(lambda: not broker.is_running() or broker.status() == "zombie", what="the broker ends")


def test_a_second_server_says_in_one_line_why_it_cannot_start(
    single: ServerProcess, mosquitto: Broker, tmp_path: Path
) -> None:
    port = int(single.base.rsplit(":", 1)[1])
    other = tmp_path / "other"
    other.mkdir()
    for folder, http_port, said in (
        (tmp_path, free_port(), "another campus-server uses it"),
        (other, port, f"port {port} on 127.0.0.1 cannot be used"),
    ):
        config = write_config(folder, http_port=http_port, mqtt_port=mosquitto.port)
        second = ServerProcess(config, http_port, log=tmp_path / "second.log")
        second.start(wait=False)
        assert second.process is not None
        assert second.process.wait(30) == 1
        assert said in second.log().splitlines()[-1]
    assert len((tmp_path / "second.log").read_text().splitlines()) == 2
