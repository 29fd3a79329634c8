"""MQTT devices through a real mosquitto."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import publish

from config.mqtt_devices import MqttDeviceBus
from drivers.errors import DriverError
from drivers.mqtt_devices import MqttDevicesDriver
from drivers.samples import Reading


@contextmanager
def broker(port: int, folder: Path) -> Generator[None]:
    """Run mosquitto on loopback."""
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    if not Path(program).exists():
        pytest.skip("mosquitto is not installed")
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    with subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.02)
        try:
            yield
        finally:
            process.terminate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def driver(port: int) -> MqttDevicesDriver:
    point = [
        {"id": "door", "name": "东门", "kind": "door", "zigbee": "east"},
        {"id": "smoke", "name": "烟感", "kind": "smoke", "zigbee": "dorm"},
    ]
    keys: dict[str, Any] = {"type": "mqtt", "name": "Zigbee", "port": port, "timeout_s": 2, "point": point}
    return MqttDevicesDriver(MqttDeviceBus.model_validate(keys))


def said(here: MqttDevicesDriver, count: int) -> list[tuple[str, object]]:
    got: list[tuple[str, object]] = []
    deadline = time.monotonic() + 10
    while len(got) < count and time.monotonic() < deadline:
        got += [(s.point, s.value if isinstance(s, Reading) else s.reason) for s in here.read()]  # type: ignore[union-attr]
    return got


def test_messages_become_samples_through_a_lost_broker_and_back(tmp_path: Path) -> None:
    port = free_port()
    here = driver(port)
    with broker(port, tmp_path):
        publish.single("zigbee2mqtt/east", '{"contact": true}', retain=True, port=port)
        here.__enter__()
        assert said(here, 1) == [("door", False)]
        publish.multiple(
            [(f"zigbee2mqtt/{name}", text, 1, False) for name, text in [("east", '{"contact": false}')] * 300],
            port=port,
        )
        assert said(here, 300) == [("door", True)] * 300
        publish.single("zigbee2mqtt/dorm/availability", '{"state": "offline"}', port=port)
        assert said(here, 1) == [("smoke", "offline")]
    with pytest.raises(DriverError, match=r"^Zigbee: broker 127\.0\.0\.1:\d+ is lost"):
        said(here, 1)
    here.close()
    with pytest.raises(DriverError, match=r"^Zigbee: broker .* cannot be reached: .*refused"):
        here.__enter__()
    with broker(port, tmp_path), here:
        publish.single("zigbee2mqtt/dorm", '{"smoke": true}', port=port)
        assert said(here, 1) == [("smoke", True)]


def test_a_port_that_is_no_broker_is_one_clear_line() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(DriverError, match="does not answer as an MQTT"),
    ):
        driver(silent.getsockname()[1]).__enter__()
