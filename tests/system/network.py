"""Two hosts of our own in network namespaces, and between them a network that can be made bad packet by packet."""

from __future__ import annotations

import fcntl
import heapq
import os
import random
import select
import shutil
import struct
import subprocess
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import pytest

TUNSETIFF = 0x400454CA
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000
NEAR_ADDRESS = "10.77.0.2"
FAR_ADDRESS = "10.77.0.1"


@dataclass(frozen=True, slots=True)
class Packets:
    """What happens to packets: seconds of delay, shares of loss and duplication, ways that are down."""

    delay_s: float = 0.0
    jitter_s: float = 0.0
    loss: float = 0.0
    duplicate: float = 0.0
    down_to_far: bool = False
    down_to_near: bool = False


CLEAR = Packets()
PARTITION = Packets(down_to_far=True, down_to_near=True)
ONE_WAY = Packets(down_to_near=True)
BAD_LINE = Packets(delay_s=0.3, jitter_s=0.1, loss=0.2, duplicate=0.02)


def available() -> bool:
    """Whether this machine lets us make namespaces and TAP devices."""
    return os.geteuid() == 0 and shutil.which("ip") is not None and os.path.exists("/dev/net/tun")  # noqa: PTH110


@dataclass(order=True, slots=True)
class _Due:
    at: float
    order: int
    way: int = field(compare=False)
    packet: bytes = field(compare=False)


class TwoHosts:
    """A near host (the agent's) and a far host (the server's), joined by two TAP devices and a relay between them."""

    def __init__(self, seed: int) -> None:
        self.packets = CLEAR
        name = f"{os.getpid() % 10000}{seed % 100:02d}"
        self.near = f"cw-near-{name}"
        self.far = f"cw-far-{name}"
        self.carried = 0
        self.lost = 0
        self._taps = (f"cwn{name}", f"cwf{name}")
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._fds: list[int] = []
        self._thread = threading.Thread(target=self._relay, name="two-hosts", daemon=True)

    def __enter__(self) -> Self:
        if not available():
            pytest.skip("network namespaces need root, iproute2 and /dev/net/tun")
        for host, tap, address in zip((self.near, self.far), self._taps, (NEAR_ADDRESS, FAR_ADDRESS), strict=True):
            self._fds.append(self._tap(tap))
            _ip("netns", "add", host)
            _ip("link", "set", tap, "netns", host)
            for words in (
                ("addr", "add", f"{address}/24", "dev", tap),
                ("link", "set", tap, "up"),
                ("link", "set", "lo", "up"),
            ):
                _ip("-n", host, *words)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(5)
        for fd in self._fds:
            os.close(fd)
        for host in (self.near, self.far):
            _ip("netns", "del", host)

    def on_near(self, *command: str) -> list[str]:
        """Give the command line that runs a command on the near host."""
        return ["ip", "netns", "exec", self.near, *command]

    def on_far(self, *command: str) -> list[str]:
        """Give the command line that runs a command on the far host."""
        return ["ip", "netns", "exec", self.far, *command]

    @staticmethod
    def _tap(name: str) -> int:
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
        return fd

    def _relay(self) -> None:
        waiting: list[_Due] = []
        order = 0
        while not self._stop.is_set():
            pause = 0.1 if not waiting else min(0.1, max(0.0, waiting[0].at - time.monotonic()))
            for fd in select.select(self._fds, [], [], pause)[0]:
                way = self._fds.index(fd)
                packet = os.read(fd, 65536)
                for at in self._fates(way):
                    order += 1
                    heapq.heappush(waiting, _Due(at, order, 1 - way, packet))
            while waiting and waiting[0].at <= time.monotonic():
                due = heapq.heappop(waiting)
                try:
                    os.write(self._fds[due.way], due.packet)
                    self.carried += 1
                except OSError:
                    self.lost += 1

    def _fates(self, way: int) -> list[float]:
        """When the copies of one packet arrive: none when it is lost, two when it is duplicated."""
        weather = self.packets
        if (weather.down_to_far if way == 0 else weather.down_to_near) or self._random.random() < weather.loss:
            self.lost += 1
            return []
        copies = 2 if self._random.random() < weather.duplicate else 1
        now = time.monotonic() + weather.delay_s
        return [now + self._random.uniform(-1, 1) * weather.jitter_s for _ in range(copies)]


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, timeout=60)
