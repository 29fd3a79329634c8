"""The campus's Modbus TCP device: temperatures, smoke, doors and the pond's level in holding registers."""

from __future__ import annotations

from typing import Any

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from server.demo.campus import CALM, Campus

ROOMS = ("a3e", *CALM)
TEMPERATURE, SMOKE, DOORS, WATER = 0, 10, 20, 30
"""First registers: rooms' temperatures x 10, smoke x 1000, door and bell 0/1; level in mm, beam, pump x 10."""
REGISTERS = 40


def registers(campus: Campus) -> list[int]:
    """Return all holding registers as they stand."""
    words = [0] * REGISTERS
    for i, room in enumerate(ROOMS):
        words[TEMPERATURE + i] = round(campus.temperatures_c[room] * 10) & 0xFFFF
        words[SMOKE + i] = max(0, round(campus.smoke_db_m[room] * 1000))
    words[DOORS] = int(campus.door_open)
    words[DOORS + 1] = int(campus.bell)
    words[WATER] = round(campus.level_m * 1000)
    words[WATER + 1] = int(campus.person)
    words[WATER + 2] = round(campus.pump_c * 10)
    return words


class ModbusDevice:
    """Serves the registers on loopback, as they are at the moment of each request."""

    def __init__(self, campus: Campus, port: int) -> None:
        self._campus = campus
        self._port = port
        self._server: Any = None

    async def start(self) -> None:
        """Listen; OSError or RuntimeError when the port cannot be had."""
        data = [SimData(0, values=registers(self._campus), datatype=DataType.REGISTERS)]
        device = SimDevice(1, simdata=data, action=self._refresh)
        self._server = ModbusTcpServer(device, address=("127.0.0.1", self._port))
        await self._server.serve_forever(background=True)

    async def _refresh(
        self, _code: int, start: int, _address: int, _count: int, current: list[int], _new: object
    ) -> None:
        words = registers(self._campus)
        current[:] = words[start : start + len(current)]
