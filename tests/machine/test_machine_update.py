"""Signed updates under the real unit: a good release stays, one that crashes is taken back, also after a power cut."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import units
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ports import free_port
from test_update import write_signature, write_wheel
from units import run, shown, wait_for

from update.place import Place

pytestmark = [pytest.mark.machine, pytest.mark.timeout(900)]
AGENT = "campus-agent.service"
PLACE = Place(units.OPT, Path("/opt/campuswatch.d"))
# The release itself is a stand-in: what is tried here is the way of an update through systemd, not another agent.
NOTIFIES = """
import os, socket, sys, time
def main():
    if sys.argv[1] != 'run':
        return
    systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    systemd.connect(os.environ['NOTIFY_SOCKET'])
    systemd.send(b'READY=1')
    for _ in range({seconds}):
        systemd.send(b'WATCHDOG=1')
        time.sleep(1)
    sys.exit('cannot go on')
"""


def write_release(stick: Path, number: str, seconds: int, key: Ed25519PrivateKey) -> Path:
    """Make a signed wheel whose `campus-agent` becomes ready and ends after so many seconds."""
    wheel = write_wheel(stick, number, NOTIFIES.replace("{seconds}", str(seconds)))
    write_signature(wheel, key)
    return wheel


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ed25519PrivateKey]:
    """The key that the running agent has pinned."""
    key = Ed25519PrivateKey.generate()
    broker = units.GuardedBroker(units.GuardedMosquitto(), tmp_path_factory.mktemp("broker"))
    broker.start()
    try:
        units.install()
        units.write_configurations(broker.port, free_port(), key.public_key().public_bytes_raw().hex())
        run("systemctl", "daemon-reload")
        run("systemctl", "restart", AGENT)
        yield key
    finally:
        run("systemctl", "stop", AGENT)
        if PLACE.link.is_symlink():  # back to the first installation, for other files' tests
            first = PLACE.release("first")
            PLACE.link.unlink()
            first.rename(PLACE.link)
        shutil.rmtree(PLACE.folder, ignore_errors=True)
        broker.kill()


def command(wheel: Path) -> list[str]:
    """What security.md says; by the first release's Python, for those that follow are stand-ins."""
    program = PLACE.release("first") if PLACE.link.is_symlink() else PLACE.link
    update = [str(program / "bin" / "python"), "-m", "agent", "update", str(wheel)]
    return [*update, "--signature", str(wheel.with_name("release.sig")), "--allow-older"]


def update(wheel: Path) -> subprocess.CompletedProcess[str]:
    """Make an update; return how it ended."""
    return subprocess.run(command(wheel), check=False, capture_output=True, text=True, timeout=600)


def test_a_crashing_release_whose_update_was_cut_off_is_taken_back_at_the_next_start(
    key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    wheel = write_release(tmp_path, "1.3.0", 4, key)
    # the first installation is the only one here that can judge: it must be what ran before
    cut = subprocess.Popen(command(wheel))
    wait_for("the switch is made", lambda: PLACE.link.resolve().name == "1.3.0" or cut.poll() is not None, 300)
    assert cut.poll() is None, "it ended before"
    cut.kill()
    cut.wait(10)
    assert PLACE.link.resolve() == PLACE.release("1.3.0")
    started = subprocess.run(
        ["systemctl", "start", "campus-update.service"], check=False, capture_output=True, text=True, timeout=300
    )
    assert started.returncode != 0
    assert "went back to" in run("journalctl", "-u", "campus-update.service", "--no-pager", "-o", "cat")
    assert PLACE.link.resolve() == PLACE.release("first")
    assert PLACE.pending() is None
    wait_for("what ran before runs", lambda: shown(AGENT, "ActiveState") == "active")


def test_a_good_release_stays_and_a_crashing_one_is_taken_back(key: Ed25519PrivateKey, tmp_path: Path) -> None:
    good = update(write_release(tmp_path, "1.1.0", 86_400, key))
    assert good.returncode == 0, good.stderr
    assert "runs 1.1.0" in good.stdout
    assert PLACE.link.resolve() == PLACE.release("1.1.0")
    assert shown(AGENT, "ActiveState") == "active"
    assert PLACE.pending() is None

    bad = update(write_release(tmp_path, "1.2.0", 4, key))  # it says that it is ready, and ends before `hold_s` is over
    assert bad.returncode == 1
    assert "did not run for 8 s; went back to /opt/campuswatch.d/1.1.0" in bad.stderr
    assert PLACE.link.resolve() == PLACE.release("1.1.0")
    wait_for("what ran before runs", lambda: shown(AGENT, "ActiveState") == "active")
