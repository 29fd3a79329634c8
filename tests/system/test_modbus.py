"""Modbus drivers against a real pymodbus server, over TCP and over a pty pair."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from system.modbus_device import serial_device, tcp_device
from system.pty_pair import pty_pair

from config.buses import Bus
from drivers import driver_for
from drivers.errors import DriverError
from drivers.interface import Driver
from drivers.samples import Reading


def bus(points: list[tuple[int, int]], **keys: Any) -> Bus:
    """Points as (device, register); their ids are 'd{device}-r{register}'."""
    point = [{"id": f"d{d}-r{r}", "name": "温度", "kind": "temperature", "device": d, "register": r} for d, r in points]
    return TypeAdapter[Bus](Bus).validate_python({"name": "bus", "interval_s": 0.01, "point": point, **keys})


def round_of(driver: Driver, count: int) -> dict[str, object]:
    """Read until every point has spoken; values, or the reason of a silence."""
    said: dict[str, object] = {}
    for _ in range(200):
        said.update(plain(driver.read()))
        if len(said) == count:
            return said
    raise AssertionError(said)


def lose(driver: Driver) -> None:
    """Read on until the bus is lost."""
    for _ in range(50):
        driver.read()


def plain(samples: Any) -> dict[str, object]:
    return {s.point: s.value if isinstance(s, Reading) else s.reason for s in samples}


def test_values_come_over_tcp() -> None:
    with (
        tcp_device(1) as port,
        driver_for(bus([(1, 0), (1, 1), (1, 5)], type="modbus-tcp", host="127.0.0.1", port=port)) as driver,
    ):
        assert round_of(driver, 3) == {"d1-r0": 100.0, "d1-r1": 101.0, "d1-r5": 105.0}


def test_an_unknown_register_is_a_silence_with_the_exception_code() -> None:
    with (
        tcp_device(1) as port,
        driver_for(bus([(1, 0), (1, 99)], type="modbus-tcp", host="127.0.0.1", port=port)) as driver,
    ):
        assert round_of(driver, 2) == {"d1-r0": 100.0, "d1-r99": "exception-2"}


def test_no_server_is_a_driver_error_that_names_the_bus() -> None:
    driver = driver_for(bus([(1, 0)], type="modbus-tcp", host="127.0.0.1", port=1))
    with pytest.raises(DriverError, match=r"^bus: 127\.0\.0\.1:1 cannot be reached: Connection refused"), driver:
        pass


def test_a_server_that_goes_away_is_a_driver_error_and_comes_back() -> None:
    with tcp_device(1) as port:
        driver = driver_for(bus([(1, 0)], type="modbus-tcp", host="127.0.0.1", port=port))
        driver.__enter__()
        assert round_of(driver, 1) == {"d1-r0": 100.0}
    with pytest.raises(DriverError, match=r"^bus: "):
        lose(driver)
    driver.close()
    with tcp_device(1, port=port), driver:
        assert round_of(driver, 1) == {"d1-r0": 100.0}


def test_values_come_over_a_serial_line_and_a_missing_device_is_silent(tmp_path: Path) -> None:
    with (
        pty_pair(tmp_path) as cable,
        serial_device(cable.theirs, 1, 2, 3, spoil=lambda data: b"" if data[0] == 2 else data),
    ):
        serial = bus([(1, 0), (2, 0), (3, 7)], type="modbus-rtu", port=str(cable.ours), timeout_s=0.2)
        with driver_for(serial) as driver:
            assert round_of(driver, 3) == {"d1-r0": 100.0, "d2-r0": "timeout", "d3-r7": 307.0}


def test_a_pulled_plug_is_a_driver_error_and_a_replugged_one_works_again(tmp_path: Path) -> None:
    serial = bus([(1, 0)], type="modbus-rtu", port=str(tmp_path / "line-ours"), timeout_s=0.2)
    driver = driver_for(serial)
    for _ in range(5):
        with pty_pair(tmp_path) as cable, serial_device(cable.theirs, 1):
            driver.__enter__()
            assert round_of(driver, 1) == {"d1-r0": 100.0}
        with pytest.raises(DriverError, match=r"^bus: "):
            lose(driver)
        driver.close()
        driver.close()
    with pytest.raises(DriverError, match=r"line-ours cannot be opened: No such file"), driver:
        pass
