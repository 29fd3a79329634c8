"""Sensors the Linux kernel drives itself, read from files under /sys."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, assert_never

from config.linux_sensors import LinuxBus, LinuxPoint
from drivers.errors import DriverError
from drivers.now import now
from drivers.pace import Pace
from drivers.samples import Reading, Sample, Silence

log = logging.getLogger(__name__)

THOUSANDTHS = ("temp", "in", "curr", "humidity", "voltage", "current")
"""Channels the kernel's hwmon and IIO documents give in thousandths of °C, V, A and %."""


class LinuxSensorsDriver:
    """One file a read: °C, V, A, %RH; other channels as the kernel gives them (rpm, kPa, lux).

    A file that is gone is a Silence ('unplugged'); the bus is lost only when `root` is.
    """

    interval_s = 0.0
    done = False

    def __init__(self, bus: LinuxBus) -> None:
        self.name = bus.name
        self._bus = bus
        self._pace = Pace(bus.interval_s)
        self._todo: deque[LinuxPoint] = deque()
        self._closed = threading.Event()

    def __enter__(self) -> Self:
        """See that there is a /sys."""
        self._closed.clear()
        if not self._bus.root.is_dir():
            raise DriverError(f"{self.name}: {self._bus.root} is not there", "unplugged")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End a wait."""
        self.close()

    def read(self) -> Sequence[Sample]:
        """Read the next sensor of the round."""
        if not self._todo:
            if not self._pace.wait(self._closed):
                return []
            self._todo.extend(self._bus.point)
        point = self._todo.popleft()
        found = measure(self._bus.root, point)
        at, utc = now()
        return [Silence(point.id, found, at, utc) if isinstance(found, str) else Reading(point.id, found, at, utc)]

    def close(self) -> None:
        """End a wait."""
        self._closed.set()


def measure(root: Path, point: LinuxPoint) -> float | str:  # noqa: PLR0911 - a reason each
    """Return the value, or the reason why there is none."""
    try:
        match point.sensor:
            case "ds18b20":
                return read_w1_slave(
                    (root / "bus/w1/devices" / point.device / "w1_slave").read_text("ascii", "replace")
                )
            case "hwmon":
                return _hwmon(_named(root / "class/hwmon", point.device), point.channel)
            case "iio":
                return _iio(_named(root / "bus/iio/devices", point.device), point.channel)
            case _:
                assert_never(point.sensor)
    except FileNotFoundError:
        return "unplugged"
    except PermissionError:
        return "permission-denied"
    except OSError:  # the kernel answers EIO when the device behind the file does not
        return "timeout"
    except ValueError:
        return "not-a-number"


def read_w1_slave(text: str) -> float | str:
    """Return degrees Celsius (-55…125) of a DS18B20's two lines, or the reason why there are none.

    85.000 is what its memory holds at power-on, before any conversion. A shorted line reads as zeros with a right CRC.
    """
    lines = text.splitlines()
    if len(lines) < 2 or "t=" not in lines[1]:
        return "garbage"
    if not lines[0].rstrip().endswith("YES"):
        return "crc"
    if set(lines[0].split(":")[0].split()) <= {"00"}:
        return "short-circuit"
    thousandths = int(lines[1].split("t=")[1])
    if thousandths == 85_000:
        return "special-code power-on"
    return thousandths / 1000


def _named(folder: Path, name: str) -> Path:
    """Find the device by what its file `name` says: the numbers of hwmon and IIO change from boot to boot."""
    for device in sorted(folder.iterdir()):
        file = device / "name"
        if file.is_file() and file.read_text("utf-8", "replace").strip() == name:
            return device
    raise FileNotFoundError(name)


def _hwmon(device: Path, channel: str) -> float | str:
    fault = device / f"{channel}_fault"
    if fault.is_file() and fault.read_text().strip() == "1":
        return "special-code fault"
    return _scaled(channel, _number(device / f"{channel}_input"))


def _iio(device: Path, channel: str) -> float:
    processed = device / f"in_{channel}_input"
    if processed.is_file():
        return _scaled(channel, _number(processed))
    raw = _number(device / f"in_{channel}_raw")
    offset, scale = device / f"in_{channel}_offset", device / f"in_{channel}_scale"
    number = raw + (_number(offset) if offset.is_file() else 0.0)
    return _scaled(channel, number * (_number(scale) if scale.is_file() else 1.0))


def _scaled(channel: str, number: float) -> float:
    return number / 1000 if channel.startswith(THOUSANDTHS) and not channel.startswith("intensity") else number


def _number(file: Path) -> float:
    return float(file.read_text("ascii", "replace"))
