"""Modbus drivers against a real pymodbus server, over TCP and over a pty pair."""

from __future__ import annotations

import random
import socket
import threading
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
    for _ in range(20):
        with pty_pair(tmp_path) as cable, serial_device(cable.theirs, 1):
            driver.__enter__()
            assert round_of(driver, 1) == {"d1-r0": 100.0}
        with pytest.raises(DriverError, match=r"^bus: "):
            lose(driver)
        driver.close()
        driver.close()
    with pytest.raises(DriverError, match=r"line-ours cannot be opened: No such file"), driver:
        pass


def test_a_device_that_answers_for_another_address_is_a_silence(tmp_path: Path) -> None:
    stranger = bytes.fromhex("50 03 02 07 0B 06 7F")
    with pty_pair(tmp_path) as cable, serial_device(cable.theirs, 1, spoil=lambda data: stranger):
        serial = bus([(1, 0)], type="modbus-rtu", port=str(cable.ours), timeout_s=0.2)
        with driver_for(serial) as driver:
            assert round_of(driver, 1) == {"d1-r0": "wrong-unit"}


def test_noise_on_a_third_of_the_answers_gives_no_wrong_value(tmp_path: Path) -> None:
    dice = random.Random(4711)

    def noise(data: bytes) -> bytes:
        spoilt = bytearray(data)
        if dice.random() < 0.3:
            for _ in range(dice.randint(1, 4)):
                spoilt[dice.randrange(len(spoilt))] = dice.randrange(256)
        return bytes(spoilt)

    with pty_pair(tmp_path) as cable, serial_device(cable.theirs, 1, 2, spoil=noise):
        serial = bus([(1, 0), (2, 3)], type="modbus-rtu", port=str(cable.ours), timeout_s=0.2)
        values: list[object] = []
        reasons: set[str] = set()
        with driver_for(serial) as driver:
            for _ in range(60):
                for sample in driver.read():
                    if isinstance(sample, Reading):
                        values.append((sample.point, sample.value))
                    else:
                        reasons.add(sample.reason)  # type: ignore[union-attr]
    assert set(values) == {("d1-r0", 100.0), ("d2-r3", 203.0)}
    assert len(values) > 60
    assert "crc" in reasons


def test_a_silent_device_costs_the_others_one_probe_in_ten_rounds(tmp_path: Path) -> None:
    asked: list[int] = []

    def silent(data: bytes) -> bytes:
        asked.append(data[0])
        return b"" if data[0] == 2 else data

    with pty_pair(tmp_path) as cable, serial_device(cable.theirs, 1, 2, spoil=silent):
        serial = bus([(1, 0), (2, 0)], type="modbus-rtu", port=str(cable.ours), timeout_s=0.1)
        said: list[dict[str, object]] = []
        with driver_for(serial) as driver:
            while len(said) < 40:
                if samples := plain(driver.read()):
                    said.append(samples)
    assert all(now == {"d1-r0": 100.0, "d2-r0": "timeout"} for now in said)
    assert asked.count(2) == 2 + 3


def test_a_port_that_does_not_speak_modbus_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            caller, _ = server.accept()
            with caller:
                caller.recv(100)
                caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        here = driver_for(bus([(1, 0)], type="modbus-tcp", host="127.0.0.1", port=server.getsockname()[1]))
        with here, pytest.raises(DriverError, match=r"^bus: what answers does not speak Modbus TCP"):
            here.read()
        thread.join()
