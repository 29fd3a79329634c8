"""PostgreSQL under the ledger, killed again and again: the server lives on, says so, and loses nothing."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from brokers import Broker
from chain import chain, wait_for
from postgresql import cluster


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("times", [1, pytest.param(30, marks=pytest.mark.soak)])
def test_killing_the_database_loses_and_doubles_nothing_and_does_not_end_the_server(
    times: int, mosquitto: Broker, tmp_path: Path
) -> None:
    seed = random.randrange(10_000)
    print(f"seed {seed}")
    dice = random.Random(seed)
    with cluster() as database, chain(tmp_path, mosquitto, rate=12, seed=seed, database=database.address) as whole:
        wait_for("events flow", lambda: len(whole.recorded()) > 10, 90)
        pid = whole.server.pid
        for _ in range(times):
            time.sleep(dice.uniform(0.3, 1.5))
            database.kill()
            wait_for("the server says that it is not ready", lambda: not whole.ready(), 60)
            time.sleep(dice.uniform(0.5, 3.0))
            database.start()
            wait_for("the server is ready again", whole.ready, 60)
        whole.quiet()
        wait_for("all is recorded", whole.settled, 120)
        assert whole.verdict().clean()
        assert whole.server.running()
        assert whole.server.pid == pid
