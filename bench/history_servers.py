"""History servers for benchmarks: VictoriaMetrics and InfluxDB 1 of Debian, InfluxDB 2 where there is one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import urllib3

from bench.nats import free_port
from config.history import HistorySection, InfluxSection

TOKEN = "a-token-for-benchmarks"
_HEALTH = {"victoria-metrics": "/health", "influxdb-1": "/ping", "influxdb": "/health"}
DAYS = 36_500


def binary(kind: str) -> str | None:
    """Return the program of a kind, where there is one."""
    match kind:
        case "victoria-metrics":
            return shutil.which("victoria-metrics")
        case "influxdb-1":
            return shutil.which("influxd")
        case _:
            return os.environ.get("INFLUXDB2")


def section(kind: str, url: str, folder: Path, timeout_s: float = 60.0) -> HistorySection:
    """How our server is told of it; everything is kept."""
    place = InfluxSection(url=url, timeout_s=timeout_s)
    if kind == "influxdb":
        (folder / "token").write_text(TOKEN)
        place = place.model_copy(update={"token_file": folder / "token"})
    kept = {"keep_days": DAYS, "keep_minutes_days": DAYS, "keep_hours_days": DAYS}
    return HistorySection.model_validate({"type": kind, "influx": place, **kept})


@contextmanager
def running(kind: str, folder: Path) -> Generator[str]:
    """Run a server with its files in the folder; give its address."""
    program = binary(kind)
    if program is None:
        raise RuntimeError(f"{kind} is not installed: apt install {kind}, or name an influxd of version 2 by INFLUXDB2")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        _command(kind, program, port, folder), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(url + _HEALTH[kind])
        if kind == "influxdb":
            body = {"username": "admin", "password": TOKEN, "org": "campus", "bucket": "first", "token": TOKEN}
            urllib3.request("POST", f"{url}/api/v2/setup", body=json.dumps(body))
        yield url
    finally:
        process.kill()
        process.wait(30)


def _command(kind: str, program: str, port: int, folder: Path) -> Sequence[str]:
    here = f"127.0.0.1:{port}"
    match kind:
        case "victoria-metrics":
            return [
                program, f"-storageDataPath={folder / 'vm'}", f"-httpListenAddr={here}", "-retentionPeriod=100y",
                "-dedup.minScrapeInterval=1ms", "-search.latencyOffset=0s", "-memory.allowedPercent=25",
            ]  # fmt: skip
        case "influxdb-1":
            file = folder / "influxdb.conf"
            file.write_text(
                f'reporting-disabled = true\nbind-address = "127.0.0.1:{free_port()}"\n'
                f'[meta]\n  dir = "{folder / "meta"}"\n[data]\n  dir = "{folder / "data"}"\n'
                f'  wal-dir = "{folder / "wal"}"\n  query-log-enabled = false\n'
                f'[http]\n  bind-address = "{here}"\n  log-enabled = false\n[monitor]\n  store-enabled = false\n'
            )
            return [program, "-config", str(file)]
        case _:
            return [
                program, "--bolt-path", str(folder / "bolt"), "--engine-path", str(folder / "engine"),
                "--sqlite-path", str(folder / "sqlite"), "--http-bind-address", here, "--reporting-disabled",
                "--log-level", "error",
            ]  # fmt: skip


def _wait(url: str) -> None:
    deadline_s = time.monotonic() + 60
    while True:
        try:
            if urllib3.request("GET", url, timeout=2.0, retries=False).status < 300:
                return
        except (urllib3.exceptions.HTTPError, OSError):
            pass
        if time.monotonic() > deadline_s:
            raise RuntimeError(f"{url}: does not answer")
        time.sleep(0.1)
