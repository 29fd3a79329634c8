"""Long outages and floods: alarms leave first, nothing is lost, old alarms raise no siren."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from brokers import Broker, ForgetfulMosquitto
from chain import Chain, chain, wait_for
from program import Program

from agent.outbox import Outbox
from config.agent import OutboxSection
from contracts.messages import Event, Stamp, Value
from contracts.vocabulary import Clock, Severity


def _old_event(number: int, severity: Severity) -> Event:
    """Make an event of an hour ago, of an earlier boot."""
    at = datetime.now(UTC) - timedelta(hours=1) + timedelta(milliseconds=number)
    return Event(
        id=f"old-{number:08d}",
        epoch="to-be-given",
        seq=1,
        stamp=Stamp(at=at, boot_id="an-earlier-boot", mono_s=number / 1000, clock=Clock.SYNCED),
        point=f"a0-p{number % 40:02d}",
        kind="temperature",
        active=number % 2 == 0,
        severity=severity,
        reason="backlog",
    )


def _fault(*, active: bool, reason: str, detail: Mapping[str, Value]) -> Event:
    assert not active, f"no fault is expected: {reason} {detail}"
    return _old_event(0, Severity.FAULT)


def _fill(whole: Chain, entries: int) -> None:
    """Put a backlog into the outbox of the agent that is not running, through the outbox itself."""
    outbox = Outbox(
        OutboxSection(directory=whole.folder / "a0", accepted_log=whole.folder / "accepted-a0.jsonl"),
        fault=_fault,
    )
    stop = threading.Event()
    outbox.open()
    writer = threading.Thread(target=outbox.run, args=(lambda: None, stop))
    writer.start()
    try:
        for start in range(0, entries, 5000):
            done = [outbox.submit(_old_event(n, Severity.ADVISORY)) for n in range(start, min(start + 5000, entries))]
            for each in done:
                each.result(30)
    finally:
        stop.set()
        outbox.interrupt()
        writer.join(30)
        outbox.close()


@pytest.mark.parametrize("backlog", [5_000, pytest.param(100_000, marks=[pytest.mark.soak, pytest.mark.timeout(900)])])
def test_alarms_overtake_a_backlog_and_the_backlog_is_late_not_loud(
    backlog: int, mosquitto: Broker, tmp_path: Path
) -> None:
    with chain(tmp_path, mosquitto, rate=0) as whole:
        whole.agent.kill()
        _fill(whole, backlog)
        assert len(whole.accepted()) >= backlog
        whole.devices[0].rate = 2
        whole.agent.start()
        wait_for("the first fresh alarms are recorded", lambda: _fresh(whole) >= 3, 60)
        still_waiting = backlog - _old(whole)
        wait_for("the backlog is recorded", lambda: _old(whole) >= backlog, 30 + backlog / 300)
        whole.quiet()
        wait_for("all is recorded", whole.settled, 120)
        assert whole.verdict().clean()
        assert still_waiting > 0, "fresh alarms had to wait for the whole backlog"
        loud = whole.query("select count(*) from alerts where kind = 'temperature' and late = 0")[0][0]
    assert loud == 0


def _old(whole: Chain) -> int:
    return int(whole.query("select count(*) from durables where boot_id = 'an-earlier-boot'")[0][0])


def _fresh(whole: Chain) -> int:
    return int(whole.query("select count(*) from durables where boot_id != 'an-earlier-boot'")[0][0])


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[Broker]:
    """A mosquitto that keeps ten messages at most."""
    engine = ForgetfulMosquitto()
    if reason := engine.available():
        pytest.skip(reason)
    (tmp_path / "broker").mkdir()
    running = Broker(engine, tmp_path / "broker")
    running.start()
    yield running
    running.kill()


@pytest.mark.timeout(180)
def test_a_broker_that_holds_ten_messages_and_forgets_them_loses_nothing_while_the_server_is_away(
    mosquitto: Broker, tmp_path: Path
) -> None:
    with chain(tmp_path, mosquitto, rate=200) as whole:
        whole.server.kill()
        wait_for("events pile up at the agent", lambda: len(whole.accepted()) > 1500, 60)
        mosquitto.restart()
        whole.server.start()
        whole.quiet()
        wait_for("all is recorded", whole.settled, 120)
        assert whole.verdict().clean()


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_5000_events_while_the_server_is_away_and_the_broker_keeps_ten_are_not_lost_and_the_lamp_says_so(
    forgetful: Broker, tmp_path: Path
) -> None:
    with chain(tmp_path, forgetful, rate=20) as whole:
        wait_for("the lamp is out", lambda: whole.lamp() == "0" and len(whole.recorded()) > 5, 90)
        whole.server.kill()
        dark_s = wait_for("the lamp says that the server is absent", lambda: whole.lamp() == "1", 20)
        print(f"lamp after {dark_s:.1f} s")
        target, high = len(whole.accepted()) + 5000, False
        deadline = time.monotonic() + 60
        while len(whole.accepted()) < target and time.monotonic() < deadline:
            whole.devices[0].all_at_once(high=(high := not high))
            time.sleep(0.06)
        assert len(whole.accepted()) >= target
        whole.server.start()
        whole.quiet()
        wait_for("the server is ready", whole.ready, 90)
        print(f"all is recorded after {wait_for('all is recorded', whole.settled, 120):.1f} s")
        wait_for("the lamp goes out", lambda: whole.lamp() == "0", 20)
        assert whole.verdict().clean()


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_200_points_that_trip_at_once_are_all_alerts_within_seconds(mosquitto: Broker, tmp_path: Path) -> None:
    with chain(tmp_path, mosquitto, agents=5, rate=0) as whole:
        for device in whole.devices:
            device.all_at_once(high=False)
        wait_for("every point is known", lambda: _points(whole) == 200, 60)
        began = time.monotonic()
        for device in whole.devices:
            device.all_at_once(high=True)
        first_s = wait_for("the first alert", lambda: _tripped(whole) > 0, 20)
        wait_for("all of them are alerts", lambda: _tripped(whole) == 200, 20)
        print(f"first alert after {first_s:.2f} s, all 200 after {time.monotonic() - began:.2f} s")
        whole.quiet()
        wait_for("what is no alarm is recorded too", whole.settled, 120)
        assert whole.verdict().clean()


def _points(whole: Chain) -> int:
    return int(whole.query("select count(distinct place) from durables where place like 'a%-p%'")[0][0])


def _tripped(whole: Chain) -> int:
    rows = whole.query("select count(*) from alerts where active and point like 'a%-p%' and kind <> 'fault'")
    return int(rows[0][0])


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_sixty_four_agents_that_come_back_at_once_are_all_heard(mosquitto: Broker, tmp_path: Path) -> None:
    # Whole agents, but eight to a process: two cores need longer to start 64 interpreters than for all that is tested.
    with chain(tmp_path, mosquitto, agents=64, rate=1, together=8) as whole:
        up_s = wait_for("all agents are heard", lambda: _agents(whole) == 64, 240)
        mosquitto.kill()
        time.sleep(10)
        known = int(whole.query("select max(n) from durables")[0][0])
        used = _used_s(whole.server)
        mosquitto.start()
        back_s = wait_for("all agents are heard again", lambda: _agents(whole, known) == 64, 60)
        waiting = {*whole.accepted()}
        drained_s = wait_for("what waited is recorded", lambda: waiting <= {*whole.recorded()}, 60)
        served_s = _used_s(whole.server) - used
        whole.quiet()
        wait_for("all is recorded", whole.settled, 240)
        print(f"64 agents up after {up_s:.1f} s; heard again {back_s:.1f} s after the broker's return, drained"
              f" {drained_s:.1f} s later; the server used {served_s:.1f} s of a core meanwhile")  # fmt: skip
        assert whole.verdict().clean()


def _used_s(program: Program) -> float:
    return sum(psutil.Process(program.pid).cpu_times()[:2])


def test_six_agents_that_come_back_at_once_are_all_heard(mosquitto: Broker, tmp_path: Path) -> None:
    with chain(tmp_path, mosquitto, agents=6, rate=10) as whole:
        wait_for("all agents are heard", lambda: _agents(whole) == 6, 60)
        mosquitto.kill()
        time.sleep(3)
        mosquitto.start()
        whole.quiet()
        wait_for("all is recorded", whole.settled, 120)
        assert whole.verdict().clean()


def _agents(whole: Chain, after: int = 0) -> int:
    return int(whole.query(f"select count(distinct agent) from durables where n > {after}")[0][0])
