"""Devices in, samples out. Here is the one list of drivers."""

from __future__ import annotations

from typing import assert_never

from config.buses import (
    Bus,
    ModbusSerialBus,
    ModbusTcpBus,
    ReplayBus,
    SerialTextBus,
    SimulatedBus,
)
from drivers.interface import Driver


def driver_for(bus: Bus) -> Driver:
    """Make the driver of a bus, closed as yet. Hardware libraries load here, not before."""
    # ruff: noqa: PLC0415
    match bus:
        case ModbusTcpBus() | ModbusSerialBus():
            from drivers.modbus import ModbusDriver

            return ModbusDriver(bus)
        case SerialTextBus():
            from drivers.serial_text import SerialTextDriver

            return SerialTextDriver(bus)
        case ReplayBus():
            from drivers.replay import ReplayDriver

            return ReplayDriver(bus)
        case SimulatedBus():
            from drivers.simulated import SimulatedDriver

            return SimulatedDriver(bus)
        case _:
            assert_never(bus)
