"""The agent's disk: the power goes, it fills up, it fails; alarms still arrive and nothing accepted is lost."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_process import AgentProcess, accepted, configuration
from brokers import Broker
from disk_trace import Disk, trace
from registrar import Registrar
from waiting import until

from agent.disk import Folder

_CUTS = 200


@pytest.mark.parametrize("torn", [False, True], ids=["unsynced writes are gone", "unsynced writes are torn"])
def test_a_power_cut_at_any_moment_loses_nothing_accepted(tmp_path: Path, *, torn: bool) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: apt install strace")
    box = tmp_path / "box"
    box.mkdir()
    files = [box / "outbox.db", box / "outbox.db-wal", tmp_path / "accepted"]
    script = Path(__file__).parent / "fill_outbox.py"
    calls = trace([sys.executable, str(script), str(tmp_path)], files, tmp_path / "trace", 100)
    seed = random.randrange(1_000_000)
    sys.stdout.write(f"seed {seed}\n")
    dice = random.Random(seed)
    cuts = set(dice.sample(range(len(calls)), min(_CUTS, len(calls))))
    disk = Disk(dice)
    promised: set[str] = set()
    for n, call in enumerate(calls):
        if call.file.endswith("accepted"):
            promised |= {json.loads(line)["id"] for line in call.data.decode().splitlines()}
        else:
            disk.apply(call)
        if n in cuts:
            left = tmp_path / f"cut-{n}"
            left.mkdir()
            disk.cut(left, torn=torn)
            assert promised <= stored_ids(left), f"cut {n} of seed {seed}"
            shutil.rmtree(left)
    assert len(promised) >= 700


def stored_ids(folder: Path) -> set[str]:
    store, damage = Folder(folder).open()
    store.close()
    assert not damage
    db = sqlite3.connect(folder / "outbox.db")
    try:
        assert db.execute("pragma integrity_check").fetchone()[0] == "ok"
        return {str(json.loads(body)["id"]) for (body,) in db.execute("select body from entry")}
    finally:
        db.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here: it needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_on_a_full_disk_alarms_are_stored_the_rest_is_sent_and_it_is_said(mosquitto: Broker, small_disk: Path) -> None:
    file = configuration(small_disk, mosquitto.port)
    with Registrar(mosquitto.port) as registrar, AgentProcess(file) as agent:
        until(lambda: len(registrar.events("wave-0")) > 2)
        until((small_disk / "box" / "ballast").exists)
        filler = small_disk / "filler"
        fill(filler)
        seen = len(registrar.events("wave-0"))
        until(lambda: any(e["active"] and e["reason"] == "disk-full" for e in registrar.events("agent-storage")))
        until(lambda: len(registrar.events("wave-0")) > seen + 5)
        until(lambda: any("disk-full" in w["reason"] for w in registrar.heartbeats[-1]["workers"]))
        assert agent.running()
        filler.unlink()
        until(lambda: registrar.events_in_time("agent-storage")[-1]["reason"] == "normal", within_s=90)
        until(lambda: set(accepted(small_disk)) <= registrar.ids())


def fill(file: Path) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT)
    for size in (1 << 20, 1 << 12):
        try:
            while True:
                os.write(handle, b"x" * size)
        except OSError:
            continue
    os.close(handle)


def test_a_disk_whose_flush_fails_is_said_and_events_arrive_from_memory(mosquitto: Broker, tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed: apt install strace")
    failing = (strace, "-f", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=30+")
    with (
        Registrar(mosquitto.port) as registrar,
        AgentProcess(configuration(tmp_path, mosquitto.port), before=failing) as agent,
    ):
        until(lambda: any(e["active"] for e in registrar.events("agent-storage")), within_s=90)
        seen = len(registrar.ids())
        until(lambda: len(registrar.ids()) > seen + 20)
        assert agent.running()
        until(lambda: set(accepted(tmp_path)) <= registrar.ids())
