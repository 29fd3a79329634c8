"""Sensors under /sys, in a folder made like it; texts in the kernel's documented formats (w1_therm, hwmon, IIO)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.linux_sensors import LinuxBus
from drivers.errors import DriverError
from drivers.linux_sensors import LinuxSensorsDriver, read_w1_slave
from drivers.samples import Reading

GOOD = "72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n72 01 4b 46 7f ff 0e 10 57 t=23125\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD, 23.125),
        (GOOD.replace("23125", "-1062"), -1.062),
        (GOOD.replace("YES", "NO"), "crc"),
        (GOOD.replace("23125", "85000"), "special-code power-on"),
        ("00 00 00 00 00 00 00 00 00 : crc=00 YES\n00 00 00 00 00 00 00 00 00 t=0\n", "short-circuit"),
        ("", "garbage"),
        ("one line", "garbage"),
    ],
    ids=["a value", "frost", "a wrong CRC", "power-on", "a shorted line", "an empty file", "half a file"],
)
def test_a_ds18b20_reads_as_a_value_or_a_reason(text: str, said: object) -> None:
    assert read_w1_slave(text) == said


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        read_w1_slave(text)
    except ValueError:
        return


def campus(root: Path) -> LinuxBus:
    for path, text in {
        "bus/w1/devices/28-000005e2fdc3/w1_slave": GOOD,
        "class/hwmon/hwmon3/name": "sht3x\n",
        "class/hwmon/hwmon3/temp1_input": "21500\n",
        "class/hwmon/hwmon4/name": "pt100\n",
        "class/hwmon/hwmon4/temp1_input": "850000\n",
        "class/hwmon/hwmon4/temp1_fault": "1\n",
        "bus/iio/devices/iio:device0/name": "ads1115\n",
        "bus/iio/devices/iio:device0/in_voltage0_raw": "1200\n",
        "bus/iio/devices/iio:device0/in_voltage0_scale": "2.0\n",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    kinds = [
        ("w1", "ds18b20", "28-000005e2fdc3", "temp1"),
        ("air", "hwmon", "sht3x", "temp1"),
        ("oven", "hwmon", "pt100", "temp1"),
        ("level", "iio", "ads1115", "voltage0"),
        ("gone", "iio", "bmp280", "pressure"),
    ]
    point = [
        {"id": i, "name": i, "kind": "temperature", "sensor": s, "device": d, "channel": c} for i, s, d, c in kinds
    ]
    return LinuxBus.model_validate(
        {"type": "linux", "name": "机房", "root": str(root), "interval_s": 0.01, "point": point}
    )


def test_a_round_reads_every_sensor_and_a_missing_one_is_silent(tmp_path: Path) -> None:
    with LinuxSensorsDriver(campus(tmp_path)) as driver:
        samples = [sample for _ in range(5) for sample in driver.read()]
    assert {s.point: s.value if isinstance(s, Reading) else s.reason for s in samples} == {  # type: ignore[union-attr]
        "w1": 23.125, "air": 21.5, "oven": "special-code fault", "level": 2.4, "gone": "unplugged",
    }  # fmt: skip


def test_a_sensor_unplugged_and_plugged_in_again_is_silent_in_between(tmp_path: Path) -> None:
    bus = campus(tmp_path)
    file = tmp_path / "bus/w1/devices/28-000005e2fdc3/w1_slave"
    said: list[object] = []
    with LinuxSensorsDriver(bus.model_copy(update={"point": bus.point[:1]})) as driver:
        for text in (GOOD, None, GOOD):
            file.unlink(missing_ok=True)
            if text:
                file.write_text(text)
            while not (samples := driver.read()):
                pass
            said += [s.value if isinstance(s, Reading) else s.reason for s in samples]  # type: ignore[union-attr]
    assert said == [23.125, "unplugged", 23.125]


def test_no_sys_at_all_is_a_driver_error(tmp_path: Path) -> None:
    driver = LinuxSensorsDriver(campus(tmp_path).model_copy(update={"root": tmp_path / "none"}))
    with pytest.raises(DriverError, match=r"^机房: .*none is not there"), driver:
        pass
