"""Who watches the agent: systemd's watchdog, its own lamp, the server's people."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from agent_process import AgentProcess, accepted, configuration
from brokers import Broker
from registrar import Registrar
from waiting import until


def test_the_watchdog_is_fed_while_all_is_well_and_told_of_the_end(
    mosquitto: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        with AgentProcess(configuration(tmp_path, mosquitto.port)) as agent:
            assert [systemd.recv(100) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
            agent.signal(signal.SIGTERM)
            while (word := systemd.recv(100)) != b"STOPPING=1":
                assert word == b"WATCHDOG=1"
            assert agent.wait(5) == 0


def test_a_server_that_does_not_answer_lights_the_lamp_until_it_does(mosquitto: Broker, tmp_path: Path) -> None:
    lamp = tmp_path / "lamp"
    extra = f'[local]\nanswer_limit_s = 3\nlost = {{ type = "file", file = "{lamp}" }}\n'
    with Registrar(mosquitto.port) as registrar, AgentProcess(configuration(tmp_path, mosquitto.port, extra=extra)):
        until(lambda: shows(lamp) == "0" and registrar.events("wave-0"))
        registrar.silent = True
        until(lambda: shows(lamp) == "1")
        registrar.silent = False
        until(lambda: shows(lamp) == "0")
        until(lambda: set(accepted(tmp_path)) <= registrar.ids())


def test_the_siren_sounds_with_the_broker_down(mosquitto: Broker, tmp_path: Path) -> None:
    siren = tmp_path / "siren"
    extra = f'[local]\nsiren_for = ["warning"]\nsiren = {{ type = "file", file = "{siren}" }}\n'
    mosquitto.kill()
    one_wave = configuration(tmp_path, mosquitto.port, waves=1, period_s=2.0, extra=extra)  # several may never all rest
    with AgentProcess(one_wave):
        until(lambda: shows(siren) == "1")
        until(lambda: shows(siren) == "0")


def shows(file: Path) -> str:
    return file.read_text(encoding="ascii") if file.exists() else ""


def test_a_backlog_drains_alarms_first_and_nothing_is_left_open(mosquitto: Broker, tmp_path: Path) -> None:
    mosquitto.kill()
    file = configuration(tmp_path, mosquitto.port, waves=40, period_s=0.2)
    with Registrar(mosquitto.port) as registrar, AgentProcess(file) as agent:
        until(lambda: len(accepted(tmp_path)) > 1500, within_s=120)
        before = open_files(agent.pid)
        mosquitto.start()
        until(lambda: set(accepted(tmp_path)) <= registrar.ids(), within_s=120)
        arrivals = registrar.arrivals()
        arrived = [entry.get("point") for entry in arrivals]
        assert arrived.index("agent-storage") >= 40, "accepted first, but no alarm: every point's alarm goes before"
        for point in set(arrived):
            order = [entry["seq"] for entry in arrivals if entry.get("point") == point]
            assert order == sorted(order), f"{point}: the order of acceptance is kept"
        settle(lambda: open_files(agent.pid) <= before + 8)  # a connection, and the files of a first read


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def settle(claim: Callable[[], bool]) -> None:
    time.sleep(0.2)
    until(claim)
