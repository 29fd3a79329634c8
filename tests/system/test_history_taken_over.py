"""A server takes over a history made before there were roll-ups, and keeps it up."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from brokers import Broker
from ports import free_port
from serving import ServerProcess, add_user, write_config
from waiting import until

COUNT = 1_000
OLD = """
CREATE TABLE series (
    id INTEGER PRIMARY KEY, site TEXT NOT NULL, agent TEXT NOT NULL, point TEXT NOT NULL, UNIQUE (site, agent, point)
);
CREATE TABLE samples (
    hour INTEGER NOT NULL, series INTEGER NOT NULL, ts INTEGER NOT NULL, value, PRIMARY KEY (hour, series, ts)
) WITHOUT ROWID;
INSERT INTO series VALUES (1, 's1', 'pi', 't-1');
"""


def test_a_server_rolls_an_older_history_up_and_writes_down_what_it_believes_of_the_clock(
    mosquitto: Broker, tmp_path: Path
) -> None:
    add_user(tmp_path / "data")
    history = tmp_path / "data" / "history.db"
    with closing(sqlite3.connect(history)) as old, old:
        old.executescript(OLD)
        first = int(time.time() * 1000) - 2 * 86_400_000
        times = [first + n * 10_000 for n in range(COUNT)]
        old.executemany("INSERT INTO samples VALUES (?, 1, ?, 20.5)", [(ms // 3_600_000, ms) for ms in times])
    port = free_port()
    server = ServerProcess(write_config(tmp_path, http_port=port, mqtt_port=mosquitto.port), port)
    server.start()
    try:
        until(lambda: _rolled_up(history) == COUNT, what="every reading is in the hours")
        until(
            (tmp_path / "data" / "trusted-clock").exists,
            what="what is believed of the clock is written down",
        )
    finally:
        server.end()
    assert "history upkeep:" not in server.log()


def _rolled_up(file: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=5)) as rows:
            return rows.execute("SELECT COALESCE(SUM(n), 0) FROM hours").fetchone()[0]
    except sqlite3.OperationalError:  # the table is not made yet
        return 0
