"""The brokers that the other tests stand on."""

from __future__ import annotations

import socket

from brokers import Broker


def test_a_broker_comes_back_on_the_same_port(broker: Broker) -> None:
    port = broker.port
    broker.restart()
    assert broker.port == port
    with socket.create_connection((broker.host, broker.port), timeout=2):
        pass


def test_a_killed_broker_refuses_connections(broker: Broker) -> None:
    broker.kill()
    with socket.socket() as sock:
        assert sock.connect_ex((broker.host, broker.port)) != 0
