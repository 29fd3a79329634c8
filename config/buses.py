"""Buses and the points on them: one section a type, chosen by `type`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from config import Section
from config.points import PointSection


class ModbusPoint(PointSection):
    """A value in a Modbus device's registers."""

    device: int = Field(default=1, ge=0, le=247)
    register_: int = Field(alias="register", ge=0, le=0xFFFF)
    table: Literal["holding", "input", "coil", "discrete"] = "holding"
    type: Literal["int16", "uint16", "int32", "uint32", "float32", "bit"] = "int16"
    scale: float = 1.0
    offset: float = 0.0


class ModbusTcpBus(Section):
    """Modbus over TCP."""

    type: Literal["modbus-tcp"]
    name: str
    host: str
    port: int = Field(default=502, ge=1, le=65535)
    timeout_s: float = Field(default=1.0, gt=0)
    interval_s: float = Field(default=1.0, gt=0)
    point: tuple[ModbusPoint, ...]


class ModbusSerialBus(Section):
    """Modbus RTU over a serial line."""

    type: Literal["modbus-rtu"]
    name: str
    port: Path
    baud: int = 9600
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: Literal[1, 2] = 1
    timeout_s: float = Field(default=0.3, gt=0)
    interval_s: float = Field(default=1.0, gt=0)
    point: tuple[ModbusPoint, ...]


class SerialPoint(PointSection):
    """A value in a line of text: a JSON path, a key, or a group of the bus's pattern."""

    key: str


class SerialTextBus(Section):
    """Lines of text over a serial port."""

    type: Literal["serial-text"]
    name: str
    port: Path
    baud: int = 9600
    format: Literal["json", "key-value", "pattern"] = "json"
    pattern: str | None = None  # a regular expression with named groups
    timeout_s: float = Field(default=1.0, gt=0)
    point: tuple[SerialPoint, ...]


class ReplayPoint(PointSection):
    """A column of a recording."""

    column: str


class ReplayBus(Section):
    """A recording (CSV) played as if live."""

    type: Literal["replay"]
    name: str
    file: Path
    time_column: str
    speed: float = Field(default=1.0, gt=0)
    point: tuple[ReplayPoint, ...]


class SimulatedPoint(PointSection):
    """A made-up value: a wave around a middle."""

    middle: float = 20.0
    swing: float = 0.0
    period_s: float = Field(default=600.0, gt=0)


class SimulatedBus(Section):
    """No device at all: for trying the system out. Every page says 模拟."""

    type: Literal["simulated"]
    name: str
    interval_s: float = Field(default=1.0, gt=0)
    point: tuple[SimulatedPoint, ...]


Bus = Annotated[
    ModbusTcpBus | ModbusSerialBus | SerialTextBus | ReplayBus | SimulatedBus,
    Field(discriminator="type"),
]
