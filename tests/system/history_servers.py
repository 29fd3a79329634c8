"""Real history servers as child processes that a test can kill, freeze and start again on the same port."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import urllib3
from ports import free_port

from config.history import HistorySection, InfluxSection

LONG_DAYS = 36_500
_UP_S = 60.0


@dataclass(slots=True)
class HistoryServer:
    """One server in a folder. `spare` is a second port, where its kind needs one.

    `elsewhere` is the address of one that runs already: it is neither started nor ended.
    """

    kind: str
    binary: str
    command: Callable[[HistoryServer], list[str]]
    health: str
    folder: Path
    port: int = field(default_factory=free_port)
    spare: int = field(default_factory=free_port)
    elsewhere: str = ""
    token: str = "a-token-for-tests"
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.elsewhere or f"http://127.0.0.1:{self.port}"

    def section(self, keep_days: int = LONG_DAYS, **more: object) -> HistorySection:
        """How a Campuswatch server is told of it."""
        place: dict[str, object] = {"url": self.url, "timeout_s": 5.0, **more}
        if self.kind == "influxdb":
            token = self.folder / "token"
            token.write_text(f"{self.token}\n", encoding="ascii")
            place |= {"token_file": token, "org": os.environ.get("INFLUXDB_ORG", "campus"), "plain": True}
        return HistorySection.model_validate(
            {
                "type": self.kind, "influx": InfluxSection.model_validate(place), "keep_days": keep_days,
                "keep_minutes_days": LONG_DAYS, "keep_hours_days": LONG_DAYS,
            }
        )  # fmt: skip

    def toml(self) -> str:
        """Say the same as a server's TOML."""
        section = self.section()
        token = f'token_file = "{section.influx.token_file}"\n' if section.influx.token_file else ""
        return f'[history]\ntype = "{self.kind}"\n[history.influx]\nurl = "{self.url}"\ntimeout_s = 2.0\n{token}'

    def start(self) -> None:
        """Start it and wait until it answers."""
        if self.elsewhere:
            return
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self.command(self), cwd=self.folder, stdout=log, stderr=log)
        pool = urllib3.PoolManager(retries=False, timeout=2.0)
        deadline = time.monotonic() + _UP_S
        while True:
            try:
                if pool.request("GET", self.url + self.health).status < 300:
                    break
            except (urllib3.exceptions.HTTPError, OSError):
                pass
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.05)
        if self.kind == "influxdb":
            body = {"username": "admin", "password": "a-password-for-tests", "org": "campus", "bucket": "first"}
            said = json.dumps({**body, "token": self.token})
            pool.request("POST", f"{self.url}/api/v2/setup", body=said)  # refused where it was done before
        pool.clear()

    def show(self) -> None:
        """Let what was taken be seen at once, not a second later."""
        if self.kind == "victoria-metrics":
            urllib3.request("GET", self.url + "/internal/force_flush", timeout=10.0)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait(60)
            self._process = None

    def freeze(self) -> None:
        """Let it hang."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


def _influx1(server: HistoryServer) -> list[str]:
    folder = server.folder
    config = folder / "influxdb.conf"
    config.write_text(
        f'reporting-disabled = true\nbind-address = "127.0.0.1:{server.spare}"\n[meta]\n  dir = "{folder / "meta"}"\n'
        f'[data]\n  dir = "{folder / "data"}"\n  wal-dir = "{folder / "wal"}"\n  query-log-enabled = false\n'
        f'  max-concurrent-compactions = 1\n[http]\n  bind-address = "127.0.0.1:{server.port}"\n  log-enabled = false\n'
        "[monitor]\n  store-enabled = false\n",
        encoding="utf-8",
    )
    return [server.binary, "-config", str(config)]


def _influx2(server: HistoryServer) -> list[str]:
    folder = server.folder
    return [
        server.binary, "--bolt-path", str(folder / "bolt"), "--engine-path", str(folder / "engine"),
        "--http-bind-address", f"127.0.0.1:{server.port}", "--reporting-disabled", "--log-level", "error",
        "--sqlite-path", str(folder / "sqlite"),
    ]  # fmt: skip


def _victoria(server: HistoryServer) -> list[str]:
    return [
        server.binary, f"-storageDataPath={server.folder / 'data'}", f"-httpListenAddr=127.0.0.1:{server.port}",
        "-dedup.minScrapeInterval=1ms", "-retentionPeriod=100y", "-search.latencyOffset=0s",
        "-memory.allowedPercent=10",
    ]  # fmt: skip


def influx2_binary() -> str | None:
    """Return an `influxd` of version 2: `INFLUXDB2` names one, for no distribution packages it."""
    return os.environ.get("INFLUXDB2")


KINDS = ("influxdb-1", "victoria-metrics", "influxdb")


def elsewhere() -> str:
    """Return the address of an InfluxDB 2 that runs already; INFLUXDB_TOKEN and INFLUXDB_ORG go with it."""
    return os.environ.get("INFLUXDB_URL", "")


def available(kind: str) -> str:
    """Say why a kind cannot be started here; empty when it can."""
    match kind:
        case "influxdb-1":
            return "" if shutil.which("influxd") else "influxd is not installed: apt install influxdb"
        case "victoria-metrics":
            return "" if shutil.which("victoria-metrics") else "not installed: apt install victoria-metrics"
        case _:
            return "" if influx2_binary() else "INFLUXDB2 names no influxd of version 2 (no distribution has it)"


def make(kind: str, folder: Path) -> HistoryServer:
    """Make a server of a kind; it is not started."""
    folder.mkdir(parents=True, exist_ok=True)
    match kind:
        case "influxdb-1":
            return HistoryServer(kind, shutil.which("influxd") or "", _influx1, "/ping", folder)
        case "victoria-metrics":
            return HistoryServer(kind, shutil.which("victoria-metrics") or "", _victoria, "/health", folder)
        case _:
            one = HistoryServer(kind, influx2_binary() or "", _influx2, "/health", folder)
            if address := elsewhere():
                one.elsewhere, one.token = address, os.environ.get("INFLUXDB_TOKEN", "")
            return one
