"""All devices of the demonstration campus in one child process: the campus outside the computers."""

from __future__ import annotations

import argparse
import asyncio
import signal
import time
from pathlib import Path

from server.demo.camera_device import CameraDevice
from server.demo.campus import Campus
from server.demo.modbus_device import ModbusDevice
from server.demo.mqtt_device import MqttDevices
from server.demo.serial_device import SerialDevice

STEP_S = 0.1


async def play(
    modbus_port: int, serial_link: Path, camera_port: int | None, mqtt: MqttDevices | None, campus: Campus
) -> None:
    """Serve all devices until told to stop."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    serial = SerialDevice(campus, serial_link)
    serial.start()
    await ModbusDevice(campus, modbus_port).start()
    if camera_port is not None:
        await CameraDevice(campus, camera_port).start()
    if mqtt is not None:
        mqtt.start()
    began_s, spoke_s = time.monotonic(), 0.0
    while not stop.is_set():
        campus.step(time.monotonic() - began_s)
        if campus.at_s - spoke_s >= 1:
            spoke_s = campus.at_s
            serial.speak()
        if mqtt is not None:
            mqtt.speak()
        try:
            async with asyncio.timeout(STEP_S):
                await stop.wait()
        except TimeoutError:
            continue
    if mqtt is not None:
        mqtt.close()
    serial.close()


def main() -> None:
    """Parse what the demo passes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modbus-port", type=int, required=True)
    parser.add_argument("--serial-link", type=Path, required=True)
    parser.add_argument("--camera-port", type=int)
    parser.add_argument("--mqtt-port", type=int)
    parser.add_argument("--mqtt-user", default="")
    parser.add_argument("--mqtt-password-file", type=Path)
    given = parser.parse_args()
    campus = Campus()
    mqtt = None
    if given.mqtt_port:
        mqtt = MqttDevices(campus, given.mqtt_port, given.mqtt_user, given.mqtt_password_file)
    asyncio.run(play(given.modbus_port, given.serial_link, given.camera_port, mqtt, campus))


if __name__ == "__main__":
    main()
