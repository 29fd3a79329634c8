"""An agent process against a real broker: what it accepted arrives once, whatever is killed."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

from agent_process import AgentProcess, accepted, configuration
from brokers import Broker
from registrar import Registrar
from waiting import until


def everything_arrives(folder: Path, registrar: Registrar, within_s: float = 90.0) -> None:
    until(lambda: set(accepted(folder)) <= registrar.ids(), within_s=within_s)


def another_is_accepted(folder: Path) -> None:
    before = len(accepted(folder))
    until(lambda: len(accepted(folder)) > before)


def test_values_and_events_reach_the_server(broker: Broker, tmp_path: Path) -> None:
    with Registrar(broker.port) as registrar, AgentProcess(configuration(tmp_path, broker.port)):
        until(lambda: registrar.readings and len(registrar.events("wave-0")) > 4)
        states = [event["active"] for event in registrar.events("wave-0") if event["kind"] == "anomaly"]
        assert all(a != b for a, b in pairwise(states)), "began and ended take turns"
        until(lambda: registrar.heartbeats and registrar.heartbeats[-1]["answered"])
        assert registrar.births[-1]["points"][0]["id"] == "wave-0"
        assert registrar.states[-1]["status"] == "online"


def test_killed_at_random_an_agent_loses_nothing_it_accepted(mosquitto: Broker, tmp_path: Path) -> None:
    seed = random.randrange(1_000_000)
    sys.stdout.write(f"seed {seed}\n")
    dice = random.Random(seed)
    with Registrar(mosquitto.port) as registrar, AgentProcess(configuration(tmp_path, mosquitto.port)) as agent:
        for _ in range(8):
            another_is_accepted(tmp_path)
            time.sleep(dice.uniform(0.0, 0.6))
            agent.kill()
            agent.start()
        everything_arrives(tmp_path, registrar)
        agent.signal(signal.SIGTERM)
        agent.wait(60)
        everything_arrives(tmp_path, registrar, 5)
    assert len(accepted(tmp_path)) == len(set(accepted(tmp_path)))
    assert len({(e["epoch"], e["seq"]) for e in registrar.entries.values()}) == len(registrar.entries)


def test_an_outage_is_bridged_and_alarms_come_first(broker: Broker, tmp_path: Path) -> None:
    with Registrar(broker.port) as registrar, AgentProcess(configuration(tmp_path, broker.port)):
        until(lambda: registrar.events("wave-0"))
        broker.kill()
        before = len(accepted(tmp_path))
        until(lambda: len(accepted(tmp_path)) > before + 20)
        broker.start()
        everything_arrives(tmp_path, registrar)


def test_a_broker_that_is_down_at_the_start_gets_everything_when_it_comes(mosquitto: Broker, tmp_path: Path) -> None:
    mosquitto.kill()
    with Registrar(mosquitto.port) as registrar, AgentProcess(configuration(tmp_path, mosquitto.port)) as agent:
        until(lambda: len(accepted(tmp_path)) > 10)
        mosquitto.start()
        everything_arrives(tmp_path, registrar)
        assert agent.log().count("events are stored and sent when it is back") == 1
        assert agent.log().count("connected again") == 1


def test_a_frozen_broker_is_left_and_found_again(mosquitto: Broker, tmp_path: Path) -> None:
    with Registrar(mosquitto.port) as registrar, AgentProcess(configuration(tmp_path, mosquitto.port)) as agent:
        until(lambda: registrar.events("wave-0"))
        mosquitto.freeze()
        until(lambda: "no sign of the broker" in agent.log() or "does not answer" in agent.log())
        mosquitto.thaw()
        until(lambda: "connected again" in agent.log())
        everything_arrives(tmp_path, registrar)


def test_told_to_stop_it_says_so_and_ends_unanswered(mosquitto: Broker, tmp_path: Path) -> None:
    with Registrar(mosquitto.port) as registrar, AgentProcess(configuration(tmp_path, mosquitto.port)) as agent:
        until(lambda: registrar.events("wave-0"))
        registrar.silent = True  # the last words cannot be answered: it must not wait for ever
        agent.signal(signal.SIGTERM)
        assert agent.wait(20) == 0
        until(lambda: registrar.states[-1]["status"] == "stopping")
        registrar.silent = False
        agent.start()
        everything_arrives(tmp_path, registrar)


def test_a_killed_agent_leaves_its_last_will(broker: Broker, tmp_path: Path) -> None:
    with Registrar(broker.port) as registrar, AgentProcess(configuration(tmp_path, broker.port)) as agent:
        until(lambda: registrar.states and registrar.states[-1]["status"] == "online")
        agent.kill()
        until(lambda: registrar.states[-1]["status"] == "offline")
        assert registrar.states[-1]["session"] == registrar.births[-1]["session"]


def test_a_stopped_agent_process_goes_on_without_replacing_its_workers(mosquitto: Broker, tmp_path: Path) -> None:
    with Registrar(mosquitto.port) as registrar, AgentProcess(configuration(tmp_path, mosquitto.port)) as agent:
        until(lambda: registrar.events("wave-0"))
        agent.signal(signal.SIGSTOP)
        time.sleep(6)
        agent.signal(signal.SIGCONT)
        until(lambda: "stood still" in agent.log())
        another_is_accepted(tmp_path)
        assert "ending it" not in agent.log()
        everything_arrives(tmp_path, registrar)


def test_receipts_of_others_and_nonsense_take_nothing_out(mosquitto: Broker, tmp_path: Path) -> None:
    with Registrar(mosquitto.port) as registrar, AgentProcess(configuration(tmp_path, mosquitto.port)) as agent:
        registrar.silent = True
        until(lambda: len(registrar.entries) > 1)  # it subscribed before it sent
        registrar.say("pi-1", "receipt", b'{"epoch": "01a20a50-0000-7000-8000-000000000000", "seqs": [1, 2, 3, 4, 5]}')
        registrar.say("pi-1", "receipt", b"\xff\x00 not json")
        registrar.say("pi-1", "command", b'{"command": {"name": "explode"}}')
        until(lambda: agent.log().count("not ours is ignored") == 2)
        agent.kill()
        registrar.silent = False
        agent.start()
        everything_arrives(tmp_path, registrar)


def test_the_server_gets_a_range_again_when_it_asks(mosquitto: Broker, tmp_path: Path) -> None:
    with Registrar(mosquitto.port) as registrar, AgentProcess(configuration(tmp_path, mosquitto.port)):
        until(lambda: len(registrar.events("wave-0")) > 3)
        wanted = registrar.events("wave-0")[1]
        seen = registrar.deliveries[wanted["id"]]
        registrar.command(
            "pi-1", {"name": "resend", "epoch": wanted["epoch"], "first": wanted["seq"], "last": wanted["seq"]}
        )
        until(lambda: registrar.deliveries[wanted["id"]] > seen)


def test_a_second_agent_on_the_same_folder_says_so_in_one_line(mosquitto: Broker, tmp_path: Path) -> None:
    file = configuration(tmp_path, mosquitto.port)
    with AgentProcess(file):
        until((tmp_path / "box" / "outbox.db").exists)
        second = subprocess.run(
            [sys.executable, "-m", "agent", "run", "--config", str(file)],
            check=False,
            capture_output=True,
            text=True,
            timeout=20,
        )
    assert second.returncode == 2
    assert second.stderr.count("\n") == 1
    assert "another agent uses this folder" in second.stderr


def test_a_wrong_configuration_names_every_mistake_and_ends_with_two(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text('site = "demo"\nagent = "PI 1"\nnam = "x"\n', encoding="utf-8")
    for command in (["run", "--config", str(file)], ["check", str(file)]):
        whole = [sys.executable, "-m", "agent", *command]
        result = subprocess.run(whole, check=False, capture_output=True, text=True, timeout=20)
        assert result.returncode == 2
        assert len(result.stderr.strip().splitlines()) == 2, result.stderr
        assert "nam: unknown key: did you mean name?" in result.stderr
