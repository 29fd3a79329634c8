"""Devices in, samples out. Here is the one list of drivers."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

if TYPE_CHECKING:
    from config.buses import Bus
    from config.panels import AlarmHostBus, PanelBus
    from drivers.interface import Driver


def driver_for(bus: Bus) -> Driver:  # noqa: PLR0911 - one return a bus type
    """Make the driver of a bus, closed as yet. Hardware libraries load here, not before.

    So do the sections of all buses: the process of a camera needs none, and they are 12 MB.
    """
    # ruff: noqa: PLC0415
    from config.buses import ModbusSerialBus, ModbusTcpBus, ReplayBus, SerialTextBus, SimulatedBus
    from config.contacts import GpioBus
    from config.linux_sensors import LinuxBus
    from config.mqtt_devices import MqttDeviceBus
    from config.panels import AlarmHostBus, PanelBus

    match bus:
        case ModbusTcpBus() | ModbusSerialBus():
            from drivers.modbus import ModbusDriver

            return ModbusDriver(bus)
        case SerialTextBus():
            from drivers.serial_text import SerialTextDriver

            return SerialTextDriver(bus)
        case GpioBus():
            from drivers.gpio import GpioDriver

            return GpioDriver(bus)
        case MqttDeviceBus():
            from drivers.mqtt_devices import MqttDevicesDriver

            return MqttDevicesDriver(bus)
        case LinuxBus():
            from drivers.linux_sensors import LinuxSensorsDriver

            return LinuxSensorsDriver(bus)
        case PanelBus() | AlarmHostBus():
            return _panel(bus)
        case ReplayBus():
            from drivers.replay import ReplayDriver

            return ReplayDriver(bus)
        case SimulatedBus():
            from drivers.simulated import SimulatedDriver

            return SimulatedDriver(bus)
        case _:
            assert_never(bus)


def _panel(bus: PanelBus | AlarmHostBus) -> Driver:
    from config.panels import PanelBus
    from drivers.panel import PanelDriver
    from drivers.panel_dc09 import Dc09Dialogue
    from drivers.panel_gb26875 import Gb26875Dialogue
    from drivers.peers import peers_of

    dialogue = (
        Gb26875Dialogue(bus.name, bus.point, bus.ask_s, bus.address)
        if isinstance(bus, PanelBus)
        else Dc09Dialogue(bus.name, bus.point)
    )
    return PanelDriver(bus.name, [point.id for point in bus.point], peers_of(bus), dialogue, bus.timeout_s)
