"""The demonstration campus's agents: the TOML files a technician would write for them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from server.demo import camera_device
from server.demo.feed import Feed
from server.demo.modbus_device import DOORS, ROOMS, SMOKE, TEMPERATURE, WATER

SITE = "demo"
PLACES = {
    "a3e": "教学楼A 三层东",
    "a3w": "教学楼A 三层西",
    "a2e": "教学楼A 二层东",
    "a1": "教学楼A 一层大厅",
    "lab": "实验楼 化学室",
    "dorm": "宿舍1号楼 二层",
}
POND, PUMP, EAST = "池塘 南岸", "水泵房", "教学楼A 东门"
WATERS = """# Made by the demonstration: short waits, so that each stage is seen within one round.
[[escalation]]
kinds = ["water-person"]
dwell_s = 10
ack_s = 15
[[escalation]]
kinds = ["life-ring"]
dwell_s = 0
ack_s = 20
[[water]]
site = "demo"
id = "pond"
name = "荷花池"
place = "池塘 南岸"
grade = "orange"
points = ["water/pond-level", "water/pond-beam", "water/pond-motion", "water/pond-ring-box"]
level = [{ point = "water/pond-level", high = 1.6, critical = 1.8 }]
checkpoint = [{ id = "south", name = "南岸" }, { id = "north", name = "北岸" }]
"""


@dataclass(frozen=True, slots=True)
class Ways:
    """Where an agent finds its devices, its broker and its disk."""

    modbus_port: int
    serial_link: Path
    camera_port: int
    broker_port: int
    folder: Path


def building(ways: Ways, user: str, password_file: Path) -> str:
    """Write the teaching buildings' agent: a Modbus bus and a serial line."""
    points = [
        text
        for i, room in enumerate(ROOMS)
        for text in (
            _modbus(f"{room}-heat", "感温", "heat", PLACES[room], TEMPERATURE + i, 'unit = "℃"\nscale = 0.1'),
            _modbus(f"{room}-smoke", "烟感", "smoke", PLACES[room], SMOKE + i, 'unit = "dB/m"\nscale = 0.001'),
        )
    ]
    points.append(_modbus("a2e-door", "防火门", "fire-door", PLACES["a2e"], DOORS, 'type = "bit"'))
    bell = 'type = "bit"\nrule = { on_delay_s = 0, severity = "advisory" }'
    points.append(_modbus("drill-bell", "演练电铃", "contact", PLACES["a1"], DOORS + 1, bell))
    lab = [
        _point("lab-gas", "燃气", "gas", PLACES["lab"], 'unit = "%LEL"\nkey = "gas"'),
        _point("lab-co", "一氧化碳", "co", PLACES["lab"], 'unit = "ppm"\nkey = "co"'),
        _point("lab-air", "室温", "temperature", PLACES["lab"], 'unit = "℃"\nkey = "air.temp"'),
    ]
    return (
        _head("building", "教学楼终端", ways, user, password_file)
        + _modbus_bus("教学楼总线", ways)
        + "".join(points)
        + f'\n[[bus]]\ntype = "serial-text"\nname = "化学室气体盒"\nport = "{ways.serial_link}"\nformat = "json"\n'
        + "".join(lab)
    )


def water(ways: Ways, user: str, password_file: Path, devices: tuple[str, Path] | None) -> str:
    """Write the pond's agent: a Modbus bus, and the Zigbee sensors where the broker lets devices in."""
    always = "rule = { armed = {}, off_delay_s = 5 }"
    text = (
        _head("water", "水域终端", ways, user, password_file)
        + _modbus_bus("池塘总线", ways)
        + _modbus(
            "pond-level",
            "水位",
            "water-level",
            POND,
            WATER,
            'unit = "m"\nscale = 0.001\nrule = { high = 1.60, off_delay_s = 5 }',
        )
        + _modbus("pond-beam", "岸边光束", "beam", POND, WATER + 1, f'type = "bit"\nzone = "pond"\n{always}')
        + _modbus("pump", "水泵温度", "temperature", PUMP, WATER + 2, 'unit = "℃"\nscale = 0.1\nrule = { high = 80 }')
    )
    if devices is None:
        return text
    name, secret = devices
    motion = 'zigbee = "pond-motion"\nzone = "pond"\n'
    motion += 'rule = { armed = {}, off_delay_s = 5, on_delay_s = 1, hazard = "water-person" }'
    return (
        text
        + f'\n[[bus]]\ntype = "mqtt"\nname = "池塘无线"\nport = {ways.broker_port}\nuser = "{name}"\n'
        + f'password_file = "{secret}"\n'
        + _point("pond-motion", "岸边人体感应", "motion", POND, motion)
        + _point("pond-ring-box", "救生圈箱", "life-ring-box", POND, 'zigbee = "pond-ring-box"')
    )


def camera(ways: Ways, user: str, password_file: Path, feed: Feed | None) -> str:
    """Write the agent of the camera above the east exit: the simulated one, or a feed of the user's own."""
    address = f"http://127.0.0.1:{ways.camera_port}/east.mjpg"
    seen = feed or Feed(address, camera_device.LINE)
    return (
        _head("camera", "东门摄像终端", ways, user, password_file)
        + f'\n[[camera]]\nid = "east-camera"\nname = "东门摄像机"\nplace = "{EAST}"\n'
        + f"source = {json.dumps(seen.source)}\n"
        + f'[[camera.line]]\nid = "east-exit"\nname = "东门"\nplace = "{EAST}"\nexit = "东门"\n'
        + f'line = [{", ".join(f"{part:.0f}" for part in seen.line)}]\nout = "right"\nwidth_m = 1.8\n'
    )


def _head(agent: str, name: str, ways: Ways, user: str, password_file: Path) -> str:
    return (
        f'site = "{SITE}"\nagent = "{agent}"\nname = "{name}"\nsimulated = true\n'
        f'[mqtt]\nport = {ways.broker_port}\nuser = "{user}"\npassword_file = "{password_file}"\n'
        f'[outbox]\ndirectory = "{ways.folder / agent}"\n'
    )


def _modbus_bus(name: str, ways: Ways) -> str:
    return f'\n[[bus]]\ntype = "modbus-tcp"\nname = "{name}"\nhost = "127.0.0.1"\nport = {ways.modbus_port}\ngap = 8\n'


def _modbus(id_: str, name: str, kind: str, place: str, register: int, more: str) -> str:
    return _point(id_, name, kind, place, f"register = {register}\n{more}")


def _point(id_: str, name: str, kind: str, place: str, more: str) -> str:
    return f'[[bus.point]]\nid = "{id_}"\nname = "{name}"\nkind = "{kind}"\nplace = "{place}"\n{more}\n'
