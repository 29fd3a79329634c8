"""Contacts wired to the machine's own pins."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from config import Section
from config.points import PointSection


class GpioPoint(PointSection):
    """A contact on one line of a GPIO chip. Unwired it reads as the bias says: a normally closed loop shows a cut."""

    line: int = Field(ge=0)  # the chip's line; on a Raspberry Pi the BCM number
    inverted: bool = False  # true: the state that matters is the low level, as with a contact to ground
    bias: Literal["pull-up", "pull-down", "none", "as-is"] = "pull-up"


class GpioBus(Section):
    """A GPIO chip, by the kernel's character device."""

    type: Literal["gpio"]
    name: str
    chip: Path = Path("/dev/gpiochip0")
    debounce_s: float = Field(default=0.005, ge=0, le=0.02)  # by the kernel; a 50 ms pulse must pass
    repeat_s: float = Field(default=10.0, gt=0)  # levels are told again this often, so that a dead chip shows
    point: tuple[GpioPoint, ...]
