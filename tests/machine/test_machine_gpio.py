"""Contacts at a GPIO chip of the kernel's (gpio-sim): no pulse is lost, and a chip that was away is taken again."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from brokers import Broker
from chain import Chain, wait_for
from chain_files import SITE, server_config
from ports import free_port
from program import BIN, Program
from simulated_chip import Chip

from config.contacts import GpioBus
from drivers.errors import DriverError
from drivers.gpio import GpioDriver
from drivers.samples import Reading

pytestmark = [pytest.mark.machine, pytest.mark.timeout(600)]
PULSES, LONG_S = 200, 0.05
TICK_S = 0.012  # a simulated interrupt comes with the kernel's next tick: what is shorter is one edge


@pytest.fixture
def chip(tmp_path: Path) -> Iterator[Chip]:
    with Chip("campus", 8, tmp_path / "door-chip") as chip:
        yield chip


def bus(chip: Chip, **more: object) -> GpioBus:
    point = [{"id": "door", "name": "门磁", "kind": "door", "line": 3, "bias": "as-is"}]
    return GpioBus.model_validate({"type": "gpio", "name": "门磁", "chip": chip.device, "point": point, **more})


def read_on(driver: GpioDriver, seconds: float) -> list[Reading]:
    """All readings within so long."""
    deadline, found = time.monotonic() + seconds, list[Reading]()
    while time.monotonic() < deadline:
        found += [sample for sample in driver.read() if isinstance(sample, Reading)]
    return found


def test_of_200_pulses_of_50_ms_no_edge_is_lost_and_each_has_the_kernels_time(chip: Chip) -> None:
    with GpioDriver(bus(chip, debounce_s=0.005, repeat_s=600)) as driver:
        driver.read()
        sent = chip.pulse(3, PULSES, LONG_S)
        edges = read_on(driver, PULSES * LONG_S * 3 + 2)
        sent.join(10)
    values = [reading.value for reading in edges]
    assert values == [True, False] * PULSES
    lengths = sorted(off.at - on.at for on, off in zip(edges[::2], edges[1::2], strict=True))
    print(f"{PULSES} pulses, {len(edges)} edges; each {lengths[0] * 1000:.1f} to {lengths[-1] * 1000:.1f} ms long")
    assert lengths[0] > LONG_S / 2  # its time is that of a tick


def test_a_burst_larger_than_the_kernels_buffer_is_counted_as_lost_and_the_level_is_right(
    chip: Chip, caplog: pytest.LogCaptureFixture
) -> None:
    with GpioDriver(bus(chip, debounce_s=0, repeat_s=600)) as driver:
        driver.read()
        chip.pulse(3, 650, TICK_S).join(120)  # 1,300 edges, and nobody reads
        chip.set(3, high=True)
        values = [reading.value for reading in read_on(driver, 2)]
    assert "edges came too fast and are lost" in caplog.text
    assert values[-1] is True


def test_a_chip_that_is_taken_away_is_a_driver_error_and_is_read_again_when_it_is_back(chip: Chip) -> None:
    chip.set(3, high=True)
    driver = GpioDriver(bus(chip))
    with driver:
        assert [reading.value for reading in read_on(driver, 0.5)] == [True]
        chip.remove()
        with pytest.raises(DriverError, match=r"^门磁: \S+door-chip is lost: "):
            read_on(driver, 5)
    with pytest.raises(DriverError, match=r"^门磁: \S+door-chip: "):
        driver.__enter__()
    chip.insert()
    chip.set(3, high=True)
    with driver:
        assert [reading.value for reading in read_on(driver, 0.5)][:1] == [True]


def test_an_agent_tells_of_a_door_of_a_chip_that_is_lost_and_of_the_door_again_when_it_is_back(
    chip: Chip, mosquitto: Broker, tmp_path: Path
) -> None:
    (tmp_path / "server").mkdir()
    http_port = free_port()
    server_file = server_config(tmp_path, http_port, (mosquitto.host, mosquitto.port))
    agent_file = tmp_path / "agent.toml"
    agent_file.write_text(
        f'site = "{SITE}"\nagent = "pins"\nname = "终端"\n[mqtt]\nport = {mosquitto.port}\n'
        f'[outbox]\ndirectory = "{tmp_path / "box"}"\naccepted_log = "{tmp_path / "accepted-pins.jsonl"}"\n'
        f'[[bus]]\ntype = "gpio"\nname = "门磁"\nchip = "{chip.device}"\n'
        '[[bus.point]]\nid = "leak"\nname = "漏水"\nkind = "leak"\nline = 3\nbias = "as-is"\n',
        encoding="utf-8",
    )
    server = Program("server", [str(BIN / "campus-server"), "run", "--config", str(server_file)], tmp_path)
    agent = Program("pins", [sys.executable, "-m", "agent", "run", "--config", str(agent_file)], tmp_path)
    whole = Chain(tmp_path, mosquitto, [agent], server, [], http_port)

    def told() -> list[tuple[str, bool]]:
        rows = [json.loads(str(row[0])) for row in whole.query("select body from durables order by seq")]
        return [(str(row["kind"]), bool(row["active"])) for row in rows if row.get("point") == "leak"]

    try:
        server.start()
        wait_for("the server is ready", whole.ready, 120)
        agent.start()
        wait_for("all is well", lambda: len(told()) > 0, 60)
        chip.set(3, high=True)
        wait_for("it is wet", lambda: ("leak", True) in told(), 60)
        chip.remove()
        lost_s = wait_for("the chip is lost", lambda: told()[-1] == ("fault", True), 60)
        chip.insert()
        back_s = wait_for("it is back", lambda: ("fault", False) in told()[1:], 60)
        print(f"lost told after {lost_s:.1f} s, back after {back_s:.1f} s: {told()}")
    finally:
        agent.kill()
        server.kill()
