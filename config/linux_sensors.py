"""Sensors the Linux kernel drives itself: 1-wire, hwmon, IIO."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from config import Section
from config.points import PointSection


class LinuxPoint(PointSection):
    """One value under /sys."""

    sensor: Literal["ds18b20", "hwmon", "iio"]
    device: str = Field(pattern=r"^[\w.\-:]{1,64}$")  # 1-wire id "28-…"; else what the device's file `name` says
    channel: str = Field(default="temp1", pattern=r"^\w{1,64}$")  # hwmon "temp1", "in0"; IIO "temp", "voltage0"


class LinuxBus(Section):
    """Values under /sys, read in turn. A DS18B20 takes 0.75 s."""

    type: Literal["linux"]
    name: str
    root: Path = Path("/sys")
    interval_s: float = Field(default=5.0, gt=0)
    point: tuple[LinuxPoint, ...]
