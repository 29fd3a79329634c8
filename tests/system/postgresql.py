"""A PostgreSQL cluster of our own that a test can kill and start again."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ports import free_port

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


class Cluster:
    """One cluster in a folder; it refuses to run as root, so root runs it as another user."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        self.address = f"postgresql://campus@127.0.0.1:{self._port}/postgres"

    def make(self) -> None:
        """Make its files."""
        self._run("initdb", "-U", "campus", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")

    def start(self) -> None:
        """Start it and wait until it serves; after a kill it recovers first."""
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder}"
        deadline = time.monotonic() + 30
        while True:
            try:
                self._run("pg_ctl", "-w", "-t", "60", "-l", str(self._folder / "log"), "-o", options, "start")
            except subprocess.CalledProcessError:  # orphans of the killed one still end
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return

    def kill(self) -> None:
        """Kill the postmaster at once; its children find that out and end."""
        pid = int((self._folder / "db" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        """End it for good."""
        self._run("pg_ctl", "-m", "immediate", "stop", check=False)

    def _run(self, name: str, *words: str, check: bool = True) -> None:
        command = [*self._as_user, str(BINARIES[-1] / name), "-D", str(self._folder / "db"), *words]
        subprocess.run(command, check=check, cwd="/", timeout=90, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextmanager
def cluster() -> Generator[Cluster]:
    """Run a cluster until the block ends."""
    if not BINARIES:
        pytest.skip("no PostgreSQL server on this machine: apt install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="cw-pg-", dir="/tmp"))
    if os.getuid() == 0:
        os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
    made = Cluster(folder)
    try:
        made.make()
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)
