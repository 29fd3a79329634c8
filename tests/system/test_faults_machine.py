"""An agent's machine in trouble, through the whole chain: full, read-only and slow disk, no more memory; its log."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from brokers import Broker
from chain import Chain, chain, wait_for
from memory_limit import memory_limit, resident_mb
from small_disk import dying_disk, fill, small_disk

from config.points import STORAGE

LIMIT_S = 180  # a machine at load 40 needed 100
FOREVER = resource.RLIM_INFINITY


def _storage_fault(whole: Chain) -> str:
    """Why the wall shows a fault of the agent's storage; empty when it shows none."""
    rows = whole.query(f"select reason from alerts where point = '{STORAGE}' and active order by began_at desc")
    return str(rows[0][0]) if rows else ""


def _flow_on(whole: Chain, events: int) -> None:
    before = len(whole.recorded())
    wait_for(f"{events} more events are recorded", lambda: len(whole.recorded()) > before + events, LIMIT_S)


def _end_clean(whole: Chain) -> None:
    whole.quiet()
    wait_for("all is recorded", whole.settled, LIMIT_S)
    verdict = whole.verdict()
    assert not verdict.lost
    assert not verdict.doubled
    assert whole.agent.running()


@pytest.mark.timeout(600)
def test_a_full_disk_of_an_agent_is_said_before_it_is_full_and_events_go_on(mosquitto: Broker, tmp_path: Path) -> None:
    with small_disk(tmp_path / "a0", 24) as filler, chain(tmp_path, mosquitto, rate=20) as whole:
        _flow_on(whole, 10)
        wait_for("the room for alarms is held", (tmp_path / "a0" / "ballast").exists, LIMIT_S)
        pid = whole.agent.pid
        free = os.statvfs(filler.parent)
        filler.write_bytes(b"x" * (free.f_bavail * free.f_frsize - (3 << 20)))  # less than an alarm's reserve is left
        wait_for("the wall says that the disk fills up", lambda: _storage_fault(whole) == "disk-low", LIMIT_S)
        stored = len(whole.accepted())
        _flow_on(whole, 10)
        assert len(whole.accepted()) > stored, "while there is room it is stored"
        fill(filler)
        wait_for("the wall says that it is full", lambda: _storage_fault(whole) == "disk-full", LIMIT_S)
        stored = len(whole.accepted())
        _flow_on(whole, 40)
        assert len(whole.accepted()) > stored, "alarms are stored in the room that was held for them"
        filler.unlink()
        wait_for("the wall says that it is well again", lambda: not _storage_fault(whole), LIMIT_S)
        stored = len(whole.accepted())
        _flow_on(whole, 10)
        assert len(whole.accepted()) > stored
        _end_clean(whole)
        assert whole.agent.pid == pid


@pytest.mark.timeout(600)
def test_an_agent_on_a_read_only_disk_says_so_sends_from_memory_and_stores_when_it_may(
    mosquitto: Broker, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "a0", 16):
        _remount(tmp_path / "a0", "ro")
        with chain(tmp_path, mosquitto, rate=20) as whole:
            wait_for("the wall says so", lambda: _storage_fault(whole) == "read-only", LIMIT_S)
            _flow_on(whole, 20)
            assert whole.accepted() == []
            _remount(tmp_path / "a0", "rw")
            wait_for("the wall says that it is well again", lambda: not _storage_fault(whole), LIMIT_S)
            wait_for("events are stored", lambda: len(whole.accepted()) > 10, LIMIT_S)
            _end_clean(whole)


@pytest.mark.kernel
@pytest.mark.timeout(600)
def test_a_disk_that_becomes_read_only_while_the_agent_runs_costs_nothing_and_is_told(
    mosquitto: Broker, tmp_path: Path
) -> None:
    with dying_disk(tmp_path / "a0", 24) as disk, chain(tmp_path, mosquitto, rate=20) as whole:
        _flow_on(whole, 20)
        pid = whole.agent.pid
        mosquitto.kill()
        waiting = len(whole.accepted())
        wait_for("events wait on the disk", lambda: len(whole.accepted()) > waiting + 20, LIMIT_S)
        disk.die()
        wait_for("the agent notices", lambda: _ails(whole), LIMIT_S)
        stored = len(whole.accepted())
        mosquitto.start()
        wait_for("the wall says so", lambda: _storage_fault(whole) in {"read-only", "io-error"}, LIMIT_S)
        wait_for("what waited on the dead disk arrives all the same", whole.settled, LIMIT_S)
        _flow_on(whole, 20)
        assert len(whole.accepted()) == stored, "from memory: it is sent, and not called stored"
        disk.replace()
        wait_for("the wall says that it is well again", lambda: not _storage_fault(whole), LIMIT_S)
        wait_for("events are stored", lambda: len(whole.accepted()) > stored + 10, LIMIT_S)
        _end_clean(whole)
        assert whole.agent.pid == pid


def _ails(whole: Chain) -> bool:
    return any(word in whole.agent.said() for word in (": read-only: ", ": io-error: "))


def _remount(folder: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode}", str(folder)], check=True, timeout=60)


@pytest.mark.timeout(600)
def test_a_disk_that_takes_a_third_of_a_second_for_each_flush_delays_events_and_stops_nothing(
    mosquitto: Broker, tmp_path: Path
) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed: apt install strace")

    def slowly(command: list[str]) -> list[str]:
        inject = "inject=fdatasync:delay_exit=300000"  # -D: the agent is our child, strace only looks on
        return [strace, "-D", "-f", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", inject, *command]

    with chain(tmp_path, mosquitto, rate=20, around={"a0": slowly}) as whole:
        _flow_on(whole, 100)
        whole.quiet()
        wait_for("all is recorded", whole.settled, LIMIT_S)
        assert whole.verdict().clean()
        assert "no progress" not in whole.agent.said()
        assert "bug ended" not in whole.agent.said()


@pytest.mark.timeout(600)
def test_an_agent_that_gets_no_more_memory_while_the_broker_is_away_loses_nothing_it_accepted(
    mosquitto: Broker, tmp_path: Path
) -> None:
    with chain(tmp_path, mosquitto, rate=40) as whole:
        _flow_on(whole, 20)
        mosquitto.kill()
        had = int(Path(f"/proc/{whole.agent.pid}/statm").read_text().split()[0]) * resource.getpagesize()
        resource.prlimit(whole.agent.pid, resource.RLIMIT_AS, (had + (256 << 10), FOREVER))
        for _ in range(10):
            if not whole.agent.running():
                whole.agent.start()  # as systemd would
            time.sleep(0.5)
        if whole.agent.running():
            resource.prlimit(whole.agent.pid, resource.RLIMIT_AS, (FOREVER, FOREVER))
        mosquitto.start()
        _flow_on(whole, 20)
        _end_clean(whole)


@pytest.mark.kernel
@pytest.mark.timeout(600)
def test_an_agent_ended_for_its_memory_loses_nothing_and_one_that_stores_an_outage_needs_little_more(
    mosquitto: Broker, tmp_path: Path
) -> None:
    with (
        memory_limit("campus-agent") as memory,
        chain(tmp_path, mosquitto, rate=40, around={"a0": memory.around}) as whole,
    ):
        _flow_on(whole, 40)
        usual_mb = resident_mb(whole.agent.pid)
        mosquitto.kill()
        waiting = len(whole.accepted())
        wait_for("events wait", lambda: len(whole.accepted()) > waiting + 40, LIMIT_S)
        whole.agent.kill()
        memory.set(int(usual_mb / 3))
        for again in (1, 2):  # as systemd would start it, again and again
            whole.agent.start()
            wait_for("the kernel ends it", lambda again=again: memory.killed() >= again, LIMIT_S)
            wait_for("it is gone", lambda: not whole.agent.running(), LIMIT_S)
        memory.set(int(usual_mb * 1.3))
        whole.agent.start()
        stored, high, began = len(whole.accepted()), False, time.monotonic()
        while time.monotonic() - began < 15:
            whole.devices[0].all_at_once(high=(high := not high))
            time.sleep(0.1)
        assert len(whole.accepted()) > stored + 100
        assert whole.agent.running()
        print(f"usual {usual_mb:.0f} MB; {len(whole.accepted()) - stored} events stored within {usual_mb * 1.3:.0f} MB")
        mosquitto.start()
        _flow_on(whole, 20)
        _end_clean(whole)
        assert memory.killed() == 2


@pytest.mark.timeout(600)
def test_an_outage_is_a_line_when_it_begins_and_a_line_when_it_ends(mosquitto: Broker, tmp_path: Path) -> None:
    with chain(tmp_path, mosquitto, rate=10) as whole:
        _flow_on(whole, 10)
        logs = (whole.agent.log, whole.server.log)
        before = [len(log.read_text(encoding="utf-8").splitlines()) for log in logs]
        mosquitto.kill()
        time.sleep(8)  # several tries of each side
        mosquitto.start()
        _flow_on(whole, 10)
        wait_for("the agent says so", lambda: "connected again" in whole.agent.said(), LIMIT_S)
        said = [log.read_text(encoding="utf-8").splitlines()[known:] for log, known in zip(logs, before, strict=True)]
        assert len(said[0]) in {2, 3, 4}, said[0]  # the line to the broker; the server too, where that took 15 s
        assert len({line.split(": ", 1)[-1] for line in said[0]}) == len(said[0]), said[0]  # none of them again
        assert 2 <= len(said[1]) <= 6, said[1]  # its broker lost and back; each change of the agent's state
        _end_clean(whole)
