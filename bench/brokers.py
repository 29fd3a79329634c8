"""Brokers for the city: mosquitto, the embedded nats-server, or three nodes of it, on free ports of loopback."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.nats import await_port, free_port


class Running:
    """One broker, or one of several nodes."""

    def __init__(self, commands: Sequence[Sequence[str]], ports: Sequence[int]) -> None:
        self.ports = list(ports)
        self._processes = [
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for command in commands
        ]

    def pids(self) -> list[int]:
        return [process.pid for process in self._processes]

    def kill_one(self) -> None:
        """End the last node at once."""
        self._processes[-1].kill()

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait(10)


@contextmanager
def kind_of(name: str, folder: Path) -> Generator[Running]:
    """Run `mosquitto`, `nats` or `nats3` until the block ends."""
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
            running = Running([[binary, "-c", str(file)]], [port])
        case "nats" | "nats3":
            running = _nats(folder, 3 if name == "nats3" else 1)
        case _:
            raise RuntimeError(f"CITY_BROKER={name}: there are mosquitto, nats and nats3")
    try:
        for port in running.ports:
            await_port(port)
        if name == "nats3":
            time.sleep(10)  # the nodes elect who leads
        yield running
    finally:
        running.close()


def _nats(folder: Path, count: int) -> Running:
    ports, routes = [[free_port() for _ in range(count)] for _ in range(2)]
    named = ", ".join(f'"nats://127.0.0.1:{port}"' for port in routes)
    commands: list[list[str]] = []
    for n in range(count):
        file = folder / f"nats-{n}.conf"
        joined = f"cluster {{ name: city, listen: 127.0.0.1:{routes[n]}, routes: [{named}] }}\n" if count > 1 else ""
        file.write_text(
            f"server_name: node-{n}\nlisten: 127.0.0.1:{free_port()}\n"
            f'jetstream {{ store_dir: "{folder / f"js-{n}"}" }}\n'
            f"{joined}mqtt {{ host: 127.0.0.1, port: {ports[n]}, stream_replicas: {count}, max_ack_pending: 2000 }}\n"
        )
        commands.append([str(Path(sys.executable).parent / "nats-server"), "-c", str(file)])
    return Running(commands, ports)
