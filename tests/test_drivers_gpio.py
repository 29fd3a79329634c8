"""Contacts on pins: levels at the start, both edges of every pulse, losses that show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config.contacts import GpioBus
from drivers.contact_lines import BUFFER, FakeLines, KernelLines
from drivers.errors import DriverError
from drivers.gpio import GpioDriver
from drivers.samples import Reading

SIM = Path("/sys/kernel/config/gpio-sim")


def bus(**keys: Any) -> GpioBus:
    point = [{"id": f"door-{line}", "name": "门磁", "kind": "door", "line": line} for line in (4, 17)]
    return GpioBus.model_validate({"type": "gpio", "name": "门磁", "point": point, **keys})


def told(driver: GpioDriver) -> list[tuple[str, object]]:
    return [(s.point, s.value) for s in driver.read() if isinstance(s, Reading)]


def test_the_levels_are_told_when_the_chip_is_opened() -> None:
    lines = FakeLines((4, 17))
    lines.set(17, active=True)
    with GpioDriver(bus(), lines) as driver:
        assert told(driver) == [("door-4", False), ("door-17", True)]


def test_a_pulse_of_50_ms_gives_both_edges_with_the_kernels_time() -> None:
    lines = FakeLines((4, 17))
    with GpioDriver(bus(), lines) as driver:
        driver.read()
        lines.set(4, active=True, at=100.0)
        lines.set(4, active=False, at=100.05)
        samples = driver.read()
    assert [(s.point, s.value, s.at) for s in samples if isinstance(s, Reading)] == [
        ("door-4", True, 100.0),
        ("door-4", False, 100.05),
    ]


def test_levels_are_told_again_after_a_while() -> None:
    with GpioDriver(bus(repeat_s=0.01), FakeLines((4, 17))) as driver:
        assert len(told(driver)) == 2
        assert told(driver) == []
        assert told(driver) == [("door-4", False), ("door-17", False)]


def test_edges_the_kernel_dropped_are_said_and_the_levels_read_anew(caplog: pytest.LogCaptureFixture) -> None:
    lines = FakeLines((4, 17))
    with GpioDriver(bus(), lines) as driver:
        driver.read()
        for n in range(BUFFER + 11):
            lines.set(4, active=n % 2 == 0)
        assert len(driver.read()) == BUFFER
        assert told(driver) == [("door-4", True), ("door-17", False)]
    assert "门磁: line 4: 11 edges came too fast and are lost" in caplog.text


def test_a_chip_pulled_out_is_a_driver_error_and_back_it_tells_its_levels() -> None:
    lines = FakeLines((4, 17))
    driver = GpioDriver(bus(), lines)
    with driver:
        driver.read()
        lines.broken = True
        with pytest.raises(DriverError):
            driver.read()
    lines.broken = False
    with driver:
        assert told(driver) == [("door-4", False), ("door-17", False)]
    driver.close()


def test_a_chip_that_is_not_there_is_one_clear_line() -> None:
    with pytest.raises(
        DriverError, match=r"^门磁: /dev/none: No such file .*: is it plugged in, and is this still its name\?$"
    ):
        KernelLines(bus(chip="/dev/none")).open()


def test_a_file_that_is_no_chip_is_one_clear_line(tmp_path: Path) -> None:
    file = tmp_path / "chip"
    file.write_text("")
    with pytest.raises(DriverError, match=r"^门磁: .*chip"):
        KernelLines(bus(chip=file)).open()


@pytest.mark.kernel
def test_a_real_chip_of_the_kernel_gives_both_edges_and_counts_the_inversion_in() -> None:
    if not SIM.is_dir():
        pytest.skip("this kernel has no gpio-sim (module gpio-sim, configfs)")
    chip = SIM / "campus"
    (chip / "bank0").mkdir(parents=True)
    try:
        (chip / "bank0" / "num_lines").write_text("20")
        (chip / "live").write_text("1")
        name = (chip / "bank0" / "chip_name").read_text().strip()
        device = (chip / "dev_name").read_text().strip()
        pull = Path(f"/sys/devices/platform/{device}/{name}/sim_gpio4/pull")
        point = [{"id": "door", "name": "门磁", "kind": "door", "line": 4, "inverted": True, "bias": "as-is"}]
        pull.write_text("pull-up")
        with GpioDriver(bus(chip=f"/dev/{name}", debounce_s=0, point=point)) as driver:
            assert told(driver) == [("door", False)]
            pull.write_text("pull-down")
            assert told(driver) == [("door", True)]  # a simulated interrupt comes with the kernel's next tick
            pull.write_text("pull-up")
            assert told(driver) == [("door", False)]
    finally:
        (chip / "live").write_text("0")
        (chip / "bank0").rmdir()
        chip.rmdir()
