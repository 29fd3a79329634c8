"""A bus's thread with real devices behind it: replugged ports, recordings with a time of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent_fakes import running_outbox
from pydantic import TypeAdapter
from system.modbus_device import serial_device
from system.pty_pair import pty_pair
from waiting import until

from agent.clock import Clock
from agent.intake import Intake
from agent.lane import ReadingLane
from agent.pipeline import Pipeline
from config.buses import Bus
from detectors.findings import Finding
from drivers import driver_for
from drivers.samples import Reading, Sample, Silence, Tick


class Listener:
    """A detector that only listens."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, Sample]] = []

    def update(self, sample: Sample) -> Sequence[Finding]:
        self.heard.append((time.monotonic(), sample))
        return ()

    def reset(self, at: float) -> Sequence[Finding]:
        del at
        return ()


@contextmanager
def running(folder: Path, listener: Listener, **keys: Any) -> Generator[Pipeline]:
    bus = TypeAdapter[Bus](Bus).validate_python(keys)
    clock = Clock("boot-1", time.time, time.monotonic, lambda: True)
    with running_outbox(folder) as outbox:
        intake = Intake(outbox, clock, {})
        pipeline = Pipeline(driver_for(bus), {"p": [listener]}, intake, ReadingLane(1000), clock, 5.0)
        stop = threading.Event()
        thread = threading.Thread(target=pipeline.run, args=(lambda: None, stop))
        thread.start()
        try:
            yield pipeline
        finally:
            stop.set()
            pipeline.interrupt()
            thread.join(10)


def test_a_port_replugged_after_any_time_is_read_again_within_seconds(tmp_path: Path) -> None:
    listener = Listener()
    point = [{"id": "p", "name": "温度", "kind": "temperature", "register": 0}]
    keys = {"type": "modbus-rtu", "name": "485", "port": str(tmp_path / "line-ours"), "interval_s": 0.1}

    def readings() -> int:
        return sum(isinstance(sample, Reading) for _, sample in listener.heard)

    with running(tmp_path, listener, **keys, timeout_s=0.2, point=point) as pipeline:
        for _ in range(4):
            with pty_pair(tmp_path) as cable, serial_device(cable.theirs, 1):
                before = readings()
                until(lambda: readings() > before)  # noqa: B023 - asked at once
            until(lambda: pipeline.trouble() != "")
        assert "line-ours" in pipeline.trouble()
    assert any(isinstance(sample, Silence) for _, sample in listener.heard)


def test_time_in_a_recording_is_its_own_also_for_ticks_and_stands_still_at_its_end(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("time,temp\n" + "".join(f"{n * 10},{n}\n" for n in range(50)))
    listener = Listener()
    point = [{"id": "p", "name": "温度", "kind": "temperature", "column": "temp"}]
    keys = {"type": "replay", "name": "录像", "file": str(file), "time_column": "time", "speed": 200}
    with running(tmp_path, listener, **keys, point=point):
        until(lambda: sum(isinstance(s, Reading) for _, s in listener.heard) == 50)
    assert sum(isinstance(s, Tick) for _, s in listener.heard) >= 2
    times = [s.at for _, s in listener.heard]
    assert times == sorted(times)
    assert times[-1] == 490
