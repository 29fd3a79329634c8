"""Ingest workers share the sites: one dies, one comes, one goes, under load; nothing is lost and nothing doubled."""

from __future__ import annotations

from pathlib import Path

import pytest
from brokers import Broker
from postgresql import cluster
from workers import KILL, TERM, Workers, loaded

SITES = {f"school-{n:02d}" for n in range(12)}


@pytest.mark.timeout(400)
def test_sites_move_between_workers_that_die_come_and_go_and_nothing_is_lost_or_doubled(
    mosquitto: Broker, tmp_path: Path
) -> None:
    with cluster() as database:
        workers = Workers(tmp_path, database.address, [mosquitto.port])
        with loaded(workers, [mosquitto.port], SITES, 60, (1, 2)) as load:
            workers.start(3)
            came_s = workers.share(SITES, (1, 2, 3))
            workers.end(1, KILL)
            taken_s = workers.share(SITES, (2, 3))
            workers.end(2, TERM)
            left_s = workers.share(SITES, (3,))
            workers.start(1)
            workers.share(SITES, (1, 3))
            load.settle()
            assert load.verdict(workers) == (0, 0, 0)
            print(
                f"{load.made} events; a third worker has its share after {came_s:.1f} s, a killed one's sites are"
                f" taken over after {taken_s:.1f} s, a stopped one's after {left_s:.1f} s;"
                f" longest from event to receipt {load.longest_s:.1f} s"
            )
