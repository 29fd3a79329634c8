"""The units under a systemd that is the first process: ready, secrets, memory, watchdog, devices, revocation."""

from __future__ import annotations

import json
import os
import pwd
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import units
from ports import free_port
from units import run, shown, wait_for

pytestmark = [pytest.mark.machine, pytest.mark.timeout(600)]
AGENT, SERVER = "campus-agent.service", "campus-server.service"
ACCEPTED = Path("/var/lib/campus-agent/accepted.jsonl")


@pytest.fixture(scope="module", autouse=True)
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    broker = units.GuardedBroker(units.GuardedMosquitto(), tmp_path_factory.mktemp("broker"))
    broker.start()
    try:
        units.install()
        units.write_configurations(broker.port, free_port(), "")
        run("systemctl", "daemon-reload")
        run("systemctl", "start", SERVER, AGENT)  # Type=notify: it comes back when both have said that they are ready
        yield
    finally:
        run("systemctl", "stop", AGENT, SERVER)
        broker.kill()


def accepted() -> set[str]:
    lines = ACCEPTED.read_text(encoding="utf-8").split("\n")[:-1] if ACCEPTED.exists() else []
    return {str(json.loads(line)["id"]) for line in lines}


def flows() -> None:
    """Wait until more events than now have gone the whole way."""
    before = len(units.recorded())
    wait_for("events are recorded", lambda: len(units.recorded()) > before + 5)


def settled() -> None:
    """Stop the agent's events; wait until all that was ever accepted is recorded."""
    wait_for("all that was accepted is recorded", lambda: len(accepted() - units.recorded()) <= 3)
    missing = accepted() - units.recorded()
    wait_for("the last ones too", lambda: not missing - units.recorded())


def main_pid(unit: str) -> int:
    return int(shown(unit, "MainPID"))


def test_both_become_ready_as_their_own_users_with_secrets_only_this_machine_can_read() -> None:
    for unit, user in ((AGENT, "campus-agent"), (SERVER, "campus-server")):
        assert shown(unit, "ActiveState") == "active"
        assert shown(unit, "Type") == "notify"
        assert Path(f"/proc/{main_pid(unit)}").stat().st_uid == pwd.getpwnam(user).pw_uid
    flows()  # without the broker's password, and without the database's address, nothing would arrive
    assert units.DATABASE.exists()
    sealed = (units.ETC / "credentials" / "mqtt-password").read_text(encoding="ascii")
    assert units.PASSWORD not in sealed
    assert units.PASSWORD not in Path(f"/proc/{main_pid(AGENT)}/environ").read_text(encoding="utf-8")
    assert run("systemd-creds", "decrypt", str(units.ETC / "credentials" / "mqtt-password"), "-") == units.PASSWORD


def test_a_secret_that_was_sealed_under_another_name_or_touched_starts_nothing() -> None:
    file = units.ETC / "credentials" / "mqtt-password"
    good = file.read_bytes()
    try:
        file.write_bytes((units.ETC / "credentials" / "database").read_bytes())
        run("systemctl", "restart", "--no-block", AGENT)
        wait_for("it is refused", lambda: shown(AGENT, "Result") == "exit-code" and main_pid(AGENT) == 0)
        status = shown(AGENT, "ExecMainStatus")
    finally:
        file.write_bytes(good)
    assert status in {"243", "0"}, status  # EXIT_CREDENTIALS
    wait_for("it comes back by itself", lambda: shown(AGENT, "ActiveState") == "active")
    flows()


def test_the_agents_group_may_not_have_more_than_512_mb_and_the_agent_outlives_who_asks_for_it() -> None:
    assert int(shown(AGENT, "MemoryMax")) == 512 << 20
    before, events = main_pid(AGENT), Path(f"/sys/fs/cgroup{shown(AGENT, 'ControlGroup')}/memory.events")
    greedy = units.in_group(AGENT, sys.executable, "-c", "held = bytearray(600 << 20); print(len(held))")
    assert greedy.returncode == -signal.SIGKILL
    assert "oom_kill 1" in events.read_text(encoding="ascii")
    assert main_pid(AGENT) == before
    assert units.in_group(AGENT, sys.executable, "-c", "print(len(bytearray(300 << 20)))").returncode == 0
    flows()


def test_an_agent_that_is_killed_for_its_memory_comes_back_and_loses_nothing_it_accepted() -> None:
    usual = int(shown(AGENT, "MemoryCurrent"))
    starts, before = int(shown(AGENT, "NRestarts")), main_pid(AGENT)
    run("systemctl", "set-property", "--runtime", AGENT, f"MemoryMax={usual // 4}")
    try:
        wait_for("it is killed", lambda: int(shown(AGENT, "NRestarts")) >= starts + 2, 180)
    finally:
        run("systemctl", "set-property", "--runtime", AGENT, f"MemoryMax={512 << 20}")
    took = wait_for("it is back", lambda: shown(AGENT, "ActiveState") == "active" and main_pid(AGENT) != before)
    flows()
    settled()
    print(
        f"usual {usual >> 20} MB, killed at {usual >> 22} MB; back {took:.1f} s after it may have more;"
        f" {len(accepted())} events accepted, all recorded"
    )


@pytest.mark.parametrize("unit", [AGENT, SERVER])
def test_a_program_that_hangs_is_ended_by_its_watchdog_and_started_again(unit: str) -> None:
    flows()
    before, starts = main_pid(unit), int(shown(unit, "NRestarts"))
    os.kill(before, signal.SIGSTOP)
    took = wait_for("it is another one", lambda: main_pid(unit) not in {0, before}, 60)
    wait_for("it is ready", lambda: shown(unit, "ActiveState") == "active")
    assert int(shown(unit, "NRestarts")) == starts + 1
    assert took <= 30  # WatchdogSec=20, RestartSec=2
    flows()
    settled()
    print(f"{unit}: another process {took:.1f} s after it was stopped")


def test_a_device_that_the_unit_does_not_name_is_refused_even_to_root() -> None:
    read = ("head", "-c", "1")
    assert units.in_group(AGENT, *read, "/dev/zero").returncode == 0
    for device in ("/dev/kmsg", "/dev/mem"):
        refused = units.in_group(AGENT, *read, device)
        assert refused.returncode != 0
        assert "Operation not permitted" in refused.stderr


def test_a_new_list_of_revoked_certificates_reaches_mosquitto_at_once() -> None:
    ours = Path("/etc/mosquitto/campus")
    ours.mkdir(exist_ok=True)
    authority = Path("/var/lib/campus-server/ca")
    authority.mkdir(exist_ok=True)
    run("systemctl", "start", "mosquitto.service", "campus-crl.path")
    before = shown("mosquitto.service", "InvocationID")
    (authority / "crl.pem").write_text("a list\n", encoding="ascii")
    began = time.monotonic()
    try:
        wait_for(
            "mosquitto has it", lambda: (ours / "crl.pem").exists() and (ours / "crl.pem").read_text() == "a list\n"
        )
        wait_for("it started anew", lambda: shown("mosquitto.service", "InvocationID") not in {"", before})
        wait_for("it is ready", lambda: shown("mosquitto.service", "ActiveState") == "active")
        print(f"mosquitto started anew {time.monotonic() - began:.1f} s after the list was written")
    finally:
        run("systemctl", "stop", "campus-crl.path", "mosquitto.service")
