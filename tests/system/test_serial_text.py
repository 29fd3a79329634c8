"""Lines of text over a real pty: read, pulled out, plugged in again, refused."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from system.pty_pair import pty_pair

from config.buses import SerialTextBus
from drivers.errors import DriverError
from drivers.samples import Reading, Sample
from drivers.serial_text import SerialTextDriver


def driver(port: Path, **keys: Any) -> SerialTextDriver:
    point = [{"id": "t", "name": "温度", "kind": "temperature", "key": "t"}]
    data = {"type": "serial-text", "name": "气象站", "port": str(port), "point": point, **keys}
    return SerialTextDriver(SerialTextBus.model_validate(data))


def until(here: SerialTextDriver) -> list[object]:
    """Read until something is said."""
    samples: list[Sample] = []
    deadline = time.monotonic() + 60
    while not samples and time.monotonic() < deadline:
        samples += here.read()
    return [s.value if isinstance(s, Reading) else s.reason for s in samples]  # type: ignore[union-attr]


def lose(here: SerialTextDriver) -> None:
    """Read on until the port is lost."""
    while True:
        here.read()


def write(port: Path, data: bytes) -> None:
    fd = os.open(port, os.O_WRONLY | os.O_NOCTTY)
    os.write(fd, data)
    os.close(fd)


def test_lines_are_read_through_ten_unpluggings(tmp_path: Path) -> None:
    here = driver(tmp_path / "line-ours")
    for round_ in range(10):
        with pty_pair(tmp_path) as cable:
            here.__enter__()
            write(cable.theirs, b'\xff\x00half"}\n{"t": %d}\n' % round_)
            assert until(here) == [float(round_)]
        with pytest.raises(DriverError, match=r"^气象站: .*line-ours"):
            lose(here)
        here.close()
        with pytest.raises(DriverError, match=r"^气象站: .*line-ours cannot be opened: No such file"):
            here.__enter__()


def test_a_port_that_somebody_else_holds_is_one_clear_line(tmp_path: Path) -> None:
    with (
        pty_pair(tmp_path) as cable,
        driver(cable.ours),
        pytest.raises(DriverError, match=r"^气象站: .* cannot be opened"),
    ):
        driver(cable.ours).__enter__()


def test_a_port_that_is_no_port_is_one_clear_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(DriverError, match=r"^气象站: .*file cannot be opened"):
        driver(file).__enter__()


def test_closing_from_another_thread_ends_a_read(tmp_path: Path) -> None:
    import threading

    with pty_pair(tmp_path) as cable, driver(cable.ours) as here:
        threading.Timer(0.2, here.close).start()
        began = time.monotonic()
        with pytest.raises(DriverError):
            lose(here)
        assert time.monotonic() - began < 20
