"""A bug anywhere in a running agent or server, a part that hangs: nothing accepted is lost, no point stays wrong."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from brokers import Broker
from chain import Chain, chain, wait_for
from levels import POINTS
from program import Program
from service_manager import ServiceManager

LIMIT_S = 90.0
WATCHDOG_S = 20.0  # as in systemd/campus-agent.service
OWN = "!_%' escape '!"  # the points at which an agent's own faults stand
AGENT = [  # of each thread what it does at every turn, and what others call in it
    "agent.outbox:Outbox._write",
    "agent.storage:Storage.keep_house",
    "agent.publisher:Publisher.due",
    "agent.mqtt:Connection._on_message",
    "agent.pipeline:Pipeline._take",
    "detectors.watched:Watched.update",
    "agent.zones:Zones.hear",
    "agent.supervisor:Supervisor.look",
]
MORE_OF_AGENT = [
    "agent.outbox:Outbox._write_receipts",
    "agent.outbox:Outbox.submit",
    "agent.outbox:Outbox.acknowledge",
    "agent.outbox:Outbox.health",
    "agent.store:Store.commit",
    "agent.stores:Stores.stories",
    "agent.stores:Stores.bodies",
    "agent.publisher:Publisher.receipt",
    "agent.mqtt:Connection._on_publish",
    "agent.mqtt:Connection.publish",
    "agent.mqtt:Connection.turn",
    "agent.link:Link._hear",
    "agent.link:Link._heartbeat",
    "agent.link:Link._send_readings",
    "agent.intake:Intake.take",
    "agent.outputs:Local.hear",
    "agent.outputs:Local.answer_age",
    "agent.lane:ReadingLane.add",
    "agent.zones:Zones._present",
    "drivers.serial_text:SerialTextDriver.read",
]
SERVER = ["server.ingest.intake:Intake.take", "server.history.lane:ReadingsLane._decode"]
MORE_OF_SERVER = [
    "server.ingest.broker_link:BrokerLink._on_message",
    "server.ingest.broker_link:BrokerLink._heard_probe",
    "server.ingest.broker_link:BrokerLink._probe_until_silent",
    "server.ingest.broker_link:BrokerLink.answer",
    "server.ingest.broker_link:BrokerLink.acknowledge",
    "server.writer:Writer._commit",
    "server.writer:Writer._answer",
    "server.turns:Turns.take",
    "server.history.lane:ReadingsLane._write",
    "server.history.latest:Latest.put_all",
    "server.rounds:Rounds.look",
    "server.presence.presence:Presence.tick",
    "server.presence.ailing:Ailing.tick",
    "server.alerts.pending:Heard.flush",
    "server.live:Live._read",
]


class Breakable:
    """One program of a chain into which a test puts bugs, looked after as by systemd."""

    def __init__(self, folder: Path, name: str, places: Sequence[str], watchdog_s: float) -> None:
        self._file = folder / f"bug-{name}"
        self._file.with_suffix(".places").write_text("\n".join(places), encoding="ascii")
        self._done = self._file.with_suffix(".done")
        self.manager = ServiceManager(folder, name, watchdog_s)

    def around(self, command: list[str]) -> list[str]:
        """Run the command so that bugs can be put into it."""
        program = Path(command[0]).name.removeprefix("campus-")
        launcher = Path(__file__).with_name("failing.py")
        inner = [sys.executable, str(launcher), str(self._file), program, *command[1:]]
        return self.manager.around()(inner)

    def put(self, mode: str, where: str) -> None:
        """Put a bug in and wait until it is met."""
        self._done.unlink(missing_ok=True)
        partial = self._file.with_suffix(".new")
        partial.write_text(f"{mode} {where}", encoding="ascii")
        partial.replace(self._file)
        wait_for(f"{where} is called", self._done.exists, LIMIT_S)


@contextmanager
def breakable(
    folder: Path, broker: Broker, name: str, places: Sequence[str]
) -> Generator[tuple[Chain, Breakable, Program]]:
    """A chain whose agent `a0` or `server` can be broken."""
    victim = Breakable(folder, name, places, WATCHDOG_S)
    with chain(folder, broker, rate=20, around={name: victim.around}) as whole:
        wait_for("events flow", lambda: len(whole.recorded()) > 20, LIMIT_S)
        program = whole.server if name == "server" else whole.agent
        with victim.manager.look_after(program):
            yield whole, victim, program
            _end_right(whole)


def _end_right(whole: Chain) -> None:
    """Nothing is lost, and every point stands as its device says, though a bug swallowed what it had just found."""
    device = whole.devices[0]
    device.rate = 0
    time.sleep(1.0)
    for _ in range(3):  # values come again, as they do from any sensor: the first may open a port anew
        device.as_it_is()
        time.sleep(0.5)
    high = {f"a0-p{n:02d}" for n in range(POINTS) if device.is_high(n)}

    def standing() -> set[str]:
        rows = whole.query("select point from alerts where active and kind <> 'fault' and point like 'a0-p%'")
        return {str(point) for (point,) in rows}

    wait_for("every alert stands that should, and no other", lambda: standing() == high, LIMIT_S)
    wait_for("no point is called blind any more", lambda: not _faults(whole, "a0-p%"), LIMIT_S)
    whole.quiet()
    wait_for("all is recorded", whole.settled, LIMIT_S)
    assert whole.verdict().clean()


def _faults(whole: Chain, points: str) -> Sequence[tuple[str, str]]:
    rows = whole.query(f"select point, reason from alerts where active and kind = 'fault' and point like '{points}'")
    return [(str(point), str(reason)) for point, reason in rows]


def _met_and_over(whole: Chain, victim: Breakable, where: str) -> float:
    """Put one bug in; return the seconds until new events are recorded."""
    victim.put("raise", where)
    known = int(whole.query("select max(n) from durables")[0][0])
    accepted = len(whole.accepted())
    more: Callable[[], bool] = lambda: (  # noqa: E731
        len(whole.accepted()) > accepted + 3 and int(whole.query("select max(n) from durables")[0][0]) > known + 3
    )
    return wait_for(f"events are recorded after a bug in {where}", more, LIMIT_S)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("places", [AGENT, pytest.param([*AGENT, *MORE_OF_AGENT], marks=pytest.mark.soak)])
def test_a_bug_in_any_part_of_the_agent_costs_no_event_and_leaves_no_point_wrong(
    places: list[str], mosquitto: Broker, tmp_path: Path
) -> None:
    with breakable(tmp_path, mosquitto, "a0", places) as (whole, victim, _):
        for where in places:
            print(f"{where}: {_met_and_over(whole, victim, where):.1f} s, ended {victim.manager.ended} times")
        assert not victim.manager.starved


@pytest.mark.timeout(900)
@pytest.mark.parametrize("places", [SERVER, pytest.param([*SERVER, *MORE_OF_SERVER], marks=pytest.mark.soak)])
def test_a_bug_in_any_part_of_the_server_costs_no_event_and_leaves_no_point_wrong(
    places: list[str], mosquitto: Broker, tmp_path: Path
) -> None:
    with breakable(tmp_path, mosquitto, "server", places) as (whole, victim, _):
        for where in places:
            print(f"{where}: {_met_and_over(whole, victim, where):.1f} s, ended {victim.manager.ended} times")
            wait_for("the server says that it is ready", whole.ready, LIMIT_S)
        assert not victim.manager.starved


HANGS = [("zones", "agent.zones:Zones._present", 10.0)]
MORE_HANGS = [
    ("串口 a0", "agent.pipeline:Pipeline._take", 30.0),
    ("outbox", "agent.storage:Storage.write", 30.0),
    ("mqtt", "agent.publisher:Publisher.due", 20.0),  # which then tells nobody: the server misses its heartbeats
]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("name", "where", "limit_s"), [*HANGS, *(pytest.param(*one, marks=pytest.mark.soak) for one in MORE_HANGS)]
)
def test_a_part_that_hangs_is_named_on_the_wall_ended_by_the_watchdog_and_comes_back(
    name: str, where: str, limit_s: float, mosquitto: Broker, tmp_path: Path
) -> None:
    with breakable(tmp_path, mosquitto, "a0", [where]) as (whole, victim, agent):
        pid = agent.pid
        victim.put("hang", where)
        began = time.monotonic()
        said = ("_presence", "agent-silent") if name == "mqtt" else ("_worker", "worker-failed")
        if name != "mqtt":
            wait_for("the wall says it", lambda: said in _faults(whole, OWN), LIMIT_S)
            print(f"{name}: said after {time.monotonic() - began:.1f} s")
            told = whole.query("select payload from changes where kind = 'agent' order by n desc limit 1")[0][0]
            failed = [one["name"] for one in json.loads(told)["workers"] if one["state"] == "failed"]
            assert failed == [name]
        wait_for("the watchdog ends it", lambda: bool(victim.manager.starved), limit_s + WATCHDOG_S + 30)
        print(f"{name}: ended after {victim.manager.starved[0] - began:.1f} s")
        assert f"{name}: no progress" in agent.said()
        wait_for("it runs again", lambda: agent.running() and agent.pid != pid, LIMIT_S)
        known = len(whole.recorded())
        wait_for("events flow again", lambda: len(whole.recorded()) > known + 5, LIMIT_S)
        wait_for("the wall says that it is well", lambda: not _faults(whole, OWN), LIMIT_S)
