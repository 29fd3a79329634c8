"""Devices: pulses never lost, a bus's round against its arithmetic, parsers under garbage, samples a second.

`python -m bench.devices fuzz` throws 10^6 frames at every parser; run as one of all benchmarks it throws 50,000.
"""

from __future__ import annotations

import json
import os
import random
import resource
import select
import socket
import sys
import tempfile
import termios
import threading
import time
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

from bench.parsers import fuzz, state
from bench.row import Row
from config.buses import Bus
from config.contacts import GpioBus
from config.panels import PanelBus
from drivers import driver_for
from drivers.contact_lines import FakeLines
from drivers.gpio import GpioDriver
from drivers.panel import PanelDriver
from drivers.panel_gb26875 import Gb26875Dialogue
from drivers.peers import Callers
from drivers.samples import Reading, Sample

OUT = Path(__file__).parent / "out"


def main() -> None:
    """Run all; print one table and write JSON."""
    rows = [gpio_pulses(), panel_pulses(), bus_round(), load(), *fuzz(50_000)]
    show(rows, "devices")


def show(rows: list[Row], name: str) -> None:
    """Print the table and write the figures."""
    table = Table("what", "measured", "goal", title=name)
    for row in rows:
        table.add_row(row.name, row.measured, row.goal)
    Console().print(table)
    OUT.mkdir(exist_ok=True)
    figures = json.dumps({row.name: row.figures for row in rows}, indent=2, ensure_ascii=False)
    (OUT / f"{name}.json").write_text(figures, encoding="utf-8")


# ---- pulses


def gpio_pulses(count: int = 1000, lines: int = 8) -> Row:
    """Pulses of 50 ms at random times on 8 contacts, through the fake that stands for the kernel."""
    fake = FakeLines(range(lines))
    point = [{"id": f"c{n}", "name": "门磁", "kind": "door", "line": n} for n in range(lines)]
    driver = GpioDriver(GpioBus.model_validate({"type": "gpio", "name": "contacts", "point": point}), fake)
    stop = threading.Event()
    samples: list[Sample] = []
    with driver:
        samples += driver.read()
        thread = threading.Thread(target=_collect, args=(driver, stop, samples))
        thread.start()
        _pulse(count, lines, lambda line, active: fake.set(line, active=active))
        time.sleep(0.5)
        stop.set()
        thread.join()
    ons, offs = _changes(samples)
    figures = {"pulses": count, "on": ons, "off": offs}
    return Row("GPIO pulses of 50 ms (fake chip)", f"{ons} on + {offs} off of {count}", "1000 + 1000", figures)


def panel_pulses(count: int = 1000, parts: int = 8) -> Row:
    """Fires of 50 ms at random times on 8 parts, as frames over TCP on loopback."""
    points = [{"id": "panel", "name": "主机"}]
    points += [{"id": f"p{n}", "name": "烟感", "part": f"{n:08X}"} for n in range(parts)]
    keys = {"type": "gb26875", "name": "panel", "tcp_port": 1, "point": points}
    bus = PanelBus.model_validate(keys)
    callers = Callers("panel", "127.0.0.1", 0)
    driver = PanelDriver("panel", [], callers, Gb26875Dialogue("panel", bus.point), 100.0)
    stop = threading.Event()
    samples: list[Sample] = []
    confirmed = 0
    with driver:
        thread = threading.Thread(target=_collect, args=(driver, stop, samples))
        thread.start()
        with socket.create_connection(("127.0.0.1", callers.port)) as panel:
            _pulse(count, parts, lambda part, active: panel.sendall(state(part, 0b10 if active else 1)))
            time.sleep(0.5)
            panel.settimeout(0.5)
            while confirmed < 2 * count:
                try:
                    confirmed += len(panel.recv(1 << 16)) // 30
                except TimeoutError:
                    break
        stop.set()
        thread.join()
    fires = sum(isinstance(s, Reading) and s.value == "fire" for s in samples)
    normals = sum(isinstance(s, Reading) and s.value == "normal" for s in samples)
    figures = {"pulses": count, "fire": fires, "normal": normals, "confirmed": confirmed}
    text = f"{fires} fire + {normals} normal of {count}, {confirmed} frames confirmed"
    return Row("panel pulses of 50 ms (TCP)", text, "1000 + 1000", figures)


def _pulse(count: int, lines: int, change: Callable[[int, bool], object]) -> None:
    """Make pulses of 50 ms beginning at random times, overlapping over the lines."""
    dice = random.Random(4711)
    free = [0.0] * lines
    plan_: list[tuple[float, int, bool]] = []
    for n in range(count):
        line = n % lines
        start = free[line] + dice.uniform(0.005, 0.05)
        free[line] = start + 0.05
        plan_ += [(start, line, True), (start + 0.05, line, False)]
    began = time.monotonic()
    for at, line, active in sorted(plan_):
        time.sleep(max(0.0, began + at - time.monotonic()))
        change(line, active)


def _collect(driver: GpioDriver | PanelDriver, stop: threading.Event, samples: list[Sample]) -> None:
    while not stop.is_set():
        samples += driver.read()


def _changes(samples: list[Sample]) -> tuple[int, int]:
    """Count how often points went on and off; levels told again are no change."""
    last: dict[str, object] = {}
    counts = {True: 0, False: 0}
    for sample in samples:
        if isinstance(sample, Reading) and isinstance(sample.value, bool):
            if last.get(sample.point, False) is not sample.value:
                counts[sample.value] += 1
            last[sample.point] = sample.value
    return counts[True], counts[False]


# ---- a bus


def bus_round(devices: int = 16, dead: int = 9, rounds: int = 30, baud: int = 9600) -> Row:
    """Sixteen devices of 7 registers on a pty with a 9600-baud line's timing, one dead, against the arithmetic."""
    character = 10 / baud  # 8N1
    think_s = 0.035  # a device takes 20-50 ms
    ours, theirs = os.openpty()
    tty.setraw(ours, termios.TCSANOW)
    stop = threading.Event()
    line = threading.Thread(target=_line, args=(theirs_master := ours, dead, character, think_s, stop))
    with tempfile.TemporaryDirectory() as folder:
        port = Path(folder) / "line"
        port.symlink_to(os.ttyname(theirs))
        point = [
            {"id": f"d{d}-{r}", "name": "x", "kind": "level", "device": d, "register": r}
            for d in range(1, devices + 1)
            for r in range(7)
        ]
        keys: dict[str, Any] = {"type": "modbus-rtu", "name": "bus", "port": str(port), "baud": baud}
        keys |= {"timeout_s": 0.2, "interval_s": 0.001, "point": point}
        line.start()
        times: list[float] = []
        with driver_for(TypeAdapter[Bus](Bus).validate_python(keys)) as driver:
            good = 0
            while len(times) < rounds + 2:
                began, seen = time.monotonic(), 0
                while seen < len(point):
                    samples = driver.read()
                    seen += len(samples)
                    good += sum(isinstance(s, Reading) for s in samples)
                times.append(time.monotonic() - began)
        stop.set()
        line.join()
    os.close(theirs_master)
    os.close(theirs)
    settled = times[2:]  # the first two rounds find the dead one
    mean = sum(settled) / len(settled)
    alive = devices - 1
    one = (8 + 19) * character + 2 * 3.5 * 11 / baud + think_s
    expected = alive * one
    figures = {"mean_s": mean, "arithmetic_s": expected, "ratio": mean / expected, "longest_s": max(settled)}
    text = f"{mean:.3f} s a round (longest {max(settled):.3f}), arithmetic {expected:.3f} s: {mean / expected - 1:+.1%}"
    return Row("16 Modbus devices at 9600 baud, one dead", text, "within 10 %", figures)


def _line(master: int, dead: int, character: float, think_s: float, stop: threading.Event) -> None:
    """Be the line and all devices on it: each byte takes its time, and a device thinks before it answers."""
    while not stop.is_set():
        if not select.select([master], [], [], 0.1)[0]:
            continue
        data = b""
        began = time.monotonic()
        while len(data) < 8:
            data += os.read(master, 64)
        device, count = data[0], data[5]
        if device == dead:
            continue
        body = bytes([device, 3, 2 * count]) + bytes(2 * count)
        reply = body + _crc(body)
        # A pty has no wire: the device waits as long as question, gap, thinking and answer take on one.
        due = began + 8 * character + 3.5 * 1.1 * character + think_s + len(reply) * character
        time.sleep(max(0.0, due - time.monotonic()))
        os.write(master, reply)


def _crc(data: bytes) -> bytes:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc.to_bytes(2, "little")


# ---- load


def load(seconds: float = 5.0, rate: int = 2000, parts: int = 100) -> Row:
    """States of 100 parts over TCP at 2,000 a second: how many arrive, and what the driver's side costs."""
    points = [
        {"id": "panel", "name": "主机"},
        *({"id": f"p{n}", "name": "x", "part": f"{n:08X}"} for n in range(parts)),
    ]
    bus = PanelBus.model_validate({"type": "gb26875", "name": "panel", "tcp_port": 1, "point": points})
    callers = Callers("panel", "127.0.0.1", 0)
    driver = PanelDriver("panel", [], callers, Gb26875Dialogue("panel", bus.point), 100.0)
    stop, samples = threading.Event(), list[Sample]()
    frames = [state(n, 1) for n in range(parts)]
    total = int(seconds * rate)
    cpu: list[float] = []

    def collect() -> None:
        began = time.thread_time()
        _collect(driver, stop, samples)
        cpu.append(time.thread_time() - began)

    with driver:
        thread = threading.Thread(target=collect)
        thread.start()
        with socket.create_connection(("127.0.0.1", callers.port)) as panel:
            sink = threading.Thread(target=_drain, args=(panel,))
            sink.start()
            began = time.monotonic()
            for n in range(0, total, 20):
                panel.sendall(b"".join(frames[(n + k) % parts] for k in range(20)))
                time.sleep(max(0.0, began + (n + 20) / rate - time.monotonic()))
            took = time.monotonic() - began
            time.sleep(0.5)
            panel.shutdown(socket.SHUT_RDWR)
            sink.join()
        stop.set()
        thread.join()
    share = cpu[0] / took
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    got = sum(isinstance(s, Reading) for s in samples)
    figures = {"sent": total, "read": got, "per_s": got / took, "cpu_share": share, "peak_rss_mb": rss}
    text = f"{got} of {total} at {got / took:.0f}/s, {share:.1%} of a core in the driver's thread"
    return Row("2,000 samples/s through a panel driver", text, "nothing lost", figures)


def _drain(panel: socket.socket) -> None:
    while panel.recv(1 << 16):
        pass


if __name__ == "__main__":
    if sys.argv[1:] == ["fuzz"]:
        show(fuzz(1_000_000), "fuzz")
    else:
        main()
