"""Buses and the points on them: one section a type, chosen by `type`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from config import Section
from config.contacts import GpioBus
from config.devices import with_devices
from config.linux_sensors import LinuxBus
from config.mqtt_devices import MqttDeviceBus
from config.panels import AlarmHostBus, PanelBus
from config.points import PointSection
from config.text_devices import with_speaker

Table = Literal["holding", "input", "coil", "discrete"]


class ModbusPoint(PointSection):
    """A value in a Modbus device's registers."""

    device: int = Field(default=1, ge=0, le=247)
    register_: int = Field(alias="register", ge=0, le=0xFFFF)
    table: Table = "holding"
    type: Literal["int16", "uint16", "int32", "uint32", "float32", "bit"] = "int16"
    scale: float = 1.0
    offset: float = 0.0
    bit: int = Field(default=0, ge=0, le=15)  # which bit of the register, 0 the lowest, for type = "bit"
    words: Literal["big", "little"] = "big"  # which register of a 32-bit number comes first
    special: dict[str, str] = Field(default={})  # raw codes that are no values: { 0xFFFE = "interference" }
    decimals: int | None = Field(default=None, ge=0, le=0xFFFF)  # the register that says how many decimals it has
    ready: int | None = Field(default=None, ge=0, le=0xFFFF)  # the register whose lowest bit says that it is valid
    expect: dict[str, int] = Field(default={})  # registers that must hold this, else it is another device
    faults: dict[str, str] = Field(default={})
    """Bits by which the device says why it is not to be believed: { "0.1" = "cable-break" } is bit 1 of register 0.
    They never hide a yes: what is on is told."""

    @field_validator("special", "expect")
    @classmethod
    def _codes_are_numbers(cls, codes: dict[str, Any]) -> dict[str, Any]:
        for code in codes:
            try:
                int(code, 0)
            except ValueError:
                raise ValueError(f"{code!r} is not a code: write it like 0xFFFE or 65534") from None
        return codes

    @field_validator("faults")
    @classmethod
    def _bits_are_bits(cls, faults: dict[str, str]) -> dict[str, str]:
        for key in faults:
            register, _, bit = key.partition(".")
            try:
                known = 0 <= int(register, 0) <= 0xFFFF and 0 <= int(bit or "0") <= 15
            except ValueError:
                known = False
            if not known:
                raise ValueError(f"{key!r} is no bit: write REGISTER.BIT like 0.1, or REGISTER for its lowest")
        return faults

    @property
    def beside(self) -> tuple[int, ...]:
        """Registers that are read with the value to understand it."""
        asked = (self.decimals, self.ready, *(int(register, 0) for register in self.expect))
        asked += tuple(register for register, _, _ in self.fault_bits)
        return tuple(register for register in asked if register is not None)

    @property
    def fault_bits(self) -> tuple[tuple[int, int, str], ...]:
        """Register, bit and word of each fault."""
        parts = ((*bit.partition("."), word) for bit, word in self.faults.items())
        return tuple((int(register, 0), int(bit or "0"), word) for register, _, bit, word in parts)

    def special_code(self, raw: int) -> str | None:
        """Return the word for a raw code that is no value."""
        return next((word for code, word in self.special.items() if int(code, 0) == raw), None)


class ModbusBus(Section):
    """What every Modbus line has, whatever it runs over."""

    short: ClassVar = ("device",)
    name: str
    interval_s: float = Field(default=1.0, gt=0)
    gap: int = Field(default=0, ge=0, le=32)  # unasked registers read along to save a request
    point: tuple[ModbusPoint, ...]

    @model_validator(mode="before")
    @classmethod
    def _devices_are_points(cls, data: Any) -> Any:
        return cls.spelled_out(data)

    @classmethod
    def spelled_out(cls, data: Any) -> Any:
        """Turn devices into their points."""
        return with_devices(data)


class ModbusTcpBus(ModbusBus):
    """Modbus over TCP."""

    type: Literal["modbus-tcp"]
    host: str
    port: int = Field(default=502, ge=1, le=65535)
    timeout_s: float = Field(default=1.0, gt=0)


class ModbusSerialBus(ModbusBus):
    """Modbus RTU over a serial line."""

    type: Literal["modbus-rtu"]
    port: Path
    baud: int = 9600
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: Literal[1, 2] = 1
    timeout_s: float = Field(default=0.3, gt=0)


class SerialPoint(PointSection):
    """A value in a line of text: a JSON path ("air.temp"), a key, a group of the pattern, or "NAME.3" in NMEA."""

    key: str


class SerialTextBus(Section):
    """Lines of text over a serial port."""

    short: ClassVar = ("device",)
    type: Literal["serial-text"]
    name: str
    port: Path
    baud: int = 9600
    format: Literal["json", "key-value", "pattern", "nmea"] = "json"
    pattern: str | None = None  # a regular expression with named groups
    timeout_s: float = Field(default=10.0, gt=0)  # a point without a value for this long is silent
    point: tuple[SerialPoint, ...]

    @model_validator(mode="before")
    @classmethod
    def _device_is_points(cls, data: Any) -> Any:
        return cls.spelled_out(data)

    @classmethod
    def spelled_out(cls, data: Any) -> Any:
        """Turn the device into its points."""
        return with_speaker(data)


class ReplayPoint(PointSection):
    """A column of a recording."""

    column: str


class ReplayBus(Section):
    """A recording (CSV) played as if live."""

    type: Literal["replay"]
    name: str
    file: Path
    time_column: str
    speed: float = Field(default=1.0, gt=0, allow_inf_nan=True)  # inf: as fast as it can be read
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
    ModbusTcpBus
    | ModbusSerialBus
    | SerialTextBus
    | GpioBus
    | MqttDeviceBus
    | PanelBus
    | AlarmHostBus
    | LinuxBus
    | ReplayBus
    | SimulatedBus,
    Field(discriminator="type"),
]
