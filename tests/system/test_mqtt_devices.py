"""MQTT devices through a real mosquitto."""

from __future__ import annotations

import gc
import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import publish
from ports import free_port

from config.mqtt_devices import MqttDeviceBus
from drivers.errors import DriverError
from drivers.mqtt_devices import MqttDevicesDriver
from drivers.samples import Reading
from server.enrol.authority import load as authority


@contextmanager
def broker(port: int, folder: Path, more: str = "") -> Generator[None]:
    """Run mosquitto on loopback."""
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    if not Path(program).exists():
        pytest.skip("mosquitto is not installed")
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n{more}")
    with subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
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


def driver(port: int, **more: Any) -> MqttDevicesDriver:
    point = [
        {"id": "door", "name": "东门", "kind": "door", "zigbee": "east"},
        {"id": "smoke", "name": "烟感", "kind": "smoke", "zigbee": "dorm"},
    ]
    keys: dict[str, Any] = {"type": "mqtt", "name": "Zigbee", "port": port, "timeout_s": 2, "point": point, **more}
    return MqttDevicesDriver(MqttDeviceBus.model_validate(keys))


def said(here: MqttDevicesDriver, count: int) -> list[tuple[str, object]]:
    got: list[tuple[str, object]] = []
    deadline = time.monotonic() + 60
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


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # paho leaves a refused socket open
def test_devices_are_heard_over_tls_by_certificate_and_only_by_the_true_broker(tmp_path: Path) -> None:
    own, other = (authority(tmp_path / name) for name in ("own", "other"))
    now = datetime.now(UTC)
    (tmp_path / "ca.pem").write_text(own.pem)
    (tmp_path / "other.pem").write_text(other.pem)
    server, client = own.make_server(["127.0.0.1"], tmp_path, now), own.make_client("gateway", tmp_path, now)
    locked = f"cafile {tmp_path}/ca.pem\ncertfile {server}\nkeyfile {server}\nrequire_certificate true\n"
    tls: Any = {"ca_certs": str(tmp_path / "ca.pem"), "certfile": str(client), "keyfile": str(client)}
    port = free_port()
    keys: dict[str, Any] = {"ca_file": str(tmp_path / "ca.pem"), "cert_file": str(client)}
    with broker(port, tmp_path, locked):
        with driver(port, **keys) as here:
            publish.single("zigbee2mqtt/dorm", '{"smoke": true}', hostname="127.0.0.1", port=port, tls=tls)
            assert said(here, 1) == [("smoke", True)]
        with pytest.raises(DriverError, match=r"^Zigbee: broker .* is not who it should be: ") as untrusted:
            driver(port, **{**keys, "ca_file": str(tmp_path / "other.pem")}).__enter__()
        assert untrusted.value.reason == "untrusted"
        del untrusted
        gc.collect()
        with pytest.raises(DriverError, match=r"^Zigbee: broker"):
            driver(port, ca_file=keys["ca_file"]).__enter__()
        with pytest.raises(DriverError, match=r"^Zigbee: .*none\.pem: cannot be used for TLS: No such file"):
            driver(port, ca_file=str(tmp_path / "none.pem")).__enter__()
