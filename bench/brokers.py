"""Brokers for the city: mosquitto, nats-server, or three nodes of it or of RabbitMQ, on free ports of loopback."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from bench.clusters import Balancer, NatsNodes, Nodes, RabbitNodes, cluster_of
from bench.nats import await_port, free_port


class Running(Protocol):
    """A broker of one node or of several. `ports` are those of its nodes, `port` is where anybody may connect."""

    @property
    def port(self) -> int: ...
    @property
    def ports(self) -> Sequence[int]: ...
    def pids(self) -> list[int]: ...
    def kill_one(self) -> None: ...


class Single:
    """One process."""

    def __init__(self, command: Sequence[str], port: int) -> None:
        self.port, self.ports = port, [port]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def pids(self) -> list[int]:
        return [self._process.pid]

    def kill_one(self) -> None:
        self._process.kill()

    def close(self) -> None:
        self._process.kill()
        self._process.wait(10)


class Clustered:
    """Three nodes with a balancer in front."""

    def __init__(self, nodes: Nodes, balancer: Balancer) -> None:
        self._nodes = nodes
        self.port, self.ports = balancer.port, nodes.ports

    def pids(self) -> list[int]:
        return self._nodes.pids()

    def kill_one(self) -> None:
        """End the last node at once."""
        self._nodes.kill(len(self.ports) - 1)


@contextmanager
def kind_of(name: str, folder: Path) -> Generator[Running]:
    """Run `mosquitto`, `nats`, `nats3` or `rabbit3` until the block ends."""
    match name:
        case "mosquitto":
            binary = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
            if binary is None:
                raise RuntimeError("mosquitto is not installed: apt install mosquitto")
            port, file = free_port(), folder / "mosquitto.conf"
            file.write_text(
                f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n"
                "max_queued_messages 100000\nlog_dest none\n"
            )
            yield from _single([binary, "-c", str(file)], port)
        case "nats":
            port, file = free_port(), folder / "nats.conf"
            file.write_text(
                f"server_name: city\nlisten: 127.0.0.1:{free_port()}\n"
                f'jetstream {{ store_dir: "{folder / "js"}" }}\n'
                f"mqtt {{ host: 127.0.0.1, port: {port} }}\n"
            )
            yield from _single([str(Path(sys.executable).parent / "nats-server"), "-c", str(file)], port)
        case "nats3" | "rabbit3":
            nodes = NatsNodes(folder) if name == "nats3" else RabbitNodes(folder)
            if reason := nodes.available():
                raise RuntimeError(reason)
            with cluster_of(nodes) as balancer:
                yield Clustered(nodes, balancer)
        case _:
            raise RuntimeError(f"CITY_BROKER={name}: there are mosquitto, nats, nats3 and rabbit3")


def _single(command: Sequence[str], port: int) -> Generator[Single]:
    running = Single(command, port)
    try:
        await_port(port)
        yield running
    finally:
        running.close()
