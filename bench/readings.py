"""Readings a second of one core, from the broker to the history, beside a bare paho client on the same broker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.brokers import kind_of
from bench.history_servers import running
from bench.readings_roles import EACH
from bench.row import Row

OUT = Path(__file__).parent / "out"
RATE = float(os.environ.get("READINGS_BATCHES", "600"))  # batches of EACH a second
SECONDS = 10.0
ROUNDS = int(os.environ.get("READINGS_ROUNDS", "3"))
NAMES = {
    "bare": "bare paho, nothing done with it",
    "embedded": "whole path, embedded store",
    "line-protocol": "whole path, line protocol to VictoriaMetrics",
}


def _round(role: str, port: int, folder: Path, url: str) -> Mapping[str, float]:
    """Let one receiver take what one sender sends."""
    wanted = int(RATE * SECONDS) * EACH
    with tempfile.TemporaryDirectory(dir=folder) as own:
        words = [role, str(port), str(wanted), own, url]
        command = [sys.executable, "-m", "bench.readings_roles"]
        receiver = subprocess.Popen([*command, *words], stdout=subprocess.PIPE, text=True)
        assert receiver.stdout is not None
        receiver.stdout.readline()
        time.sleep(1.0)  # until its subscription stands
        sent = subprocess.run(
            [*command, "send", str(port), str(RATE), str(SECONDS)], check=True, capture_output=True, text=True
        )
        told = json.loads(receiver.stdout.readline())
        receiver.wait(30)
    return {**told, "sent": wanted, "sent_a_s": json.loads(sent.stdout)["a_s"]}


def main() -> None:
    """Print the table; keep the figures."""
    OUT.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=OUT) as folder,
        kind_of("mosquitto", Path(folder)) as broker,
        running("victoria-metrics", Path(folder)) as url,
    ):
        # In turns, so that what else the machine does meets all of them.
        found = [(role, _round(role, broker.ports[0], Path(folder), url)) for _ in range(ROUNDS) for role in NAMES]
    best = {
        role: min((one for name, one in found if name == role), key=lambda one: one["cpu_s"] / one["readings"])
        for role in NAMES
    }
    core = {role: one["readings"] / one["cpu_s"] for role, one in best.items()}
    rows: list[Row] = []
    for role, name in NAMES.items():
        one, ratio = best[role], core[role] / core["bare"]
        goal = "" if role == "bare" else ">= 0.6 of bare, >= 50,000 a core"
        measured = f"{core[role]:,.0f} a core, {ratio:.2f} of bare; {one['readings']:,.0f} of {one['sent']:,.0f} taken"
        rows.append(Row(name, f"{measured} at {one['sent_a_s']:,.0f}/s", goal, {**one, "a_core": core[role]}))
    table = Table("path", "readings", "goal", title=f"batches of {EACH} readings; best of {ROUNDS} by CPU a reading")
    for row in rows:
        table.add_row(row.name, row.measured, row.goal)
    Console(width=150).print(table)
    (OUT / "readings.json").write_text(json.dumps({row.name: row.figures for row in rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
