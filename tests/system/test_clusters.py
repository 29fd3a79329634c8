"""A broker of three nodes, one killed with -9 under load: nothing is lost, nothing doubled, and the gap is said."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from postgresql import cluster
from waiting import until
from workers import Workers, loaded

from bench.clusters import NatsNodes, RabbitNodes, cluster_of, listens

SITES = {f"school-{n:02d}" for n in range(6)}


def lose_a_node(nodes: NatsNodes | RabbitNodes, folder: Path, rate: float, calm_s: float) -> None:
    if reason := nodes.available():
        pytest.skip(reason)
    with cluster() as database, cluster_of(nodes) as balancer:
        # RabbitMQ keeps no retained messages for filters with wildcards: births would not tell which sites there are.
        workers = Workers(folder, database.address, [balancer.port], SITES)
        with loaded(workers, [balancer.port], SITES, rate, (1, 2)) as load:
            time.sleep(calm_s)
            calm_gap_s, load.longest_s = load.longest_s, 0.0
            nodes.kill(0)
            time.sleep(calm_s)
            until(load.flows, within_s=120.0, what="receipts come again")
            gap_s = load.longest_s
            nodes.start(0)
            load.settle()
            assert load.verdict(workers) == (0, 0, 0)
            said = f"{calm_gap_s:.2f} s before, {gap_s:.2f} s when a node was killed"
            print(f"{nodes.name}: {load.made} events at {rate:g}/s; longest from event to receipt {said}")


@pytest.mark.timeout(400)
def test_one_of_three_nats_nodes_is_killed_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    lose_a_node(NatsNodes(tmp_path), tmp_path, 60.0, 3.0)


@pytest.mark.soak
@pytest.mark.timeout(400)
def test_one_of_three_rabbitmq_nodes_is_killed_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    nodes = RabbitNodes(tmp_path)
    lose_a_node(nodes, tmp_path, 60.0, 5.0)
    assert not listens(nodes.name_port), "epmd outlived the nodes"
