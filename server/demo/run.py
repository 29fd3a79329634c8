"""Put the demonstration together: broker, server, devices and agents, until Ctrl-C."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rich.console import Console
from sqlalchemy import Connection

from config import load
from config.school import SchoolConfig
from config.server import BrokerSection, HttpSection, ServerConfig
from server import broker_users
from server.accounts import users
from server.accounts.audit import note
from server.accounts.permissions import Role
from server.datadir import claimed
from server.demo import agents, drill, status
from server.demo.children import Children
from server.demo.feed import Feed, opened, shown
from server.demo.story import ACTS, DRILL, ROUND_S
from server.pages.session_rooms import rooms
from server.running import serve
from server.services import Services

LOGIN = "gate"
CHILDREN_S = 1.6
ARMED_BEFORE_S, REPORT_AFTER_S = 8.0, 36.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the broker lets in: three agents, and the devices that speak MQTT themselves."""

    building: broker_users.Credentials
    water: broker_users.Credentials
    camera: broker_users.Credentials
    devices: broker_users.Credentials


@dataclass(frozen=True, slots=True)
class Demo:
    """What the command line asks for."""

    host: str
    port: int
    broker_port: int
    data: Path
    video: str | None = None
    """A feed of the user's own for the exit's camera: a file, /dev/videoN or an RTSP address."""

    @property
    def folder(self) -> Path:
        return self.data / "demo"

    def config(self) -> ServerConfig:
        """Return the server's configuration."""
        return ServerConfig(
            data=self.data,
            http=HttpSection(host=self.host, port=self.port, plain=True),
            broker=BrokerSection(port=self.broker_port),
            simulated=True,
            schools=(drill.SCHOOL,),
        )


def run(demo: Demo) -> None:
    """Run it all; raise ServerError in one line where it cannot."""
    console = Console()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s", stream=sys.stderr)
    feed = opened(demo.video) if demo.video else None
    with claimed(demo.data):
        demo.folder.mkdir(mode=0o700, exist_ok=True)
        let_in = Credentials(
            building=broker_users.enroll(demo.data, agents.SITE, "building"),
            water=broker_users.enroll(demo.data, agents.SITE, "water"),
            camera=broker_users.enroll(demo.data, agents.SITE, "camera"),
            devices=broker_users.enroll_devices(demo.data),
        )
    _write_waters(demo.data / "config" / "waters.toml")
    children = Children(demo.folder / "children.log")
    try:
        asyncio.run(_serve(demo, children, console, let_in, feed))
    finally:
        children.end(CHILDREN_S)
    console.print("stopped; the data stay in", str(demo.data), style="dim")


def _write_waters(file: Path) -> None:
    if not file.exists():  # what somebody changed stays
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.write_text(agents.WATERS, encoding="utf-8")


async def _serve(demo: Demo, children: Children, console: Console, let_in: Credentials, feed: Feed | None) -> None:
    teller: list[asyncio.Task[None]] = []

    def ready(services: Services) -> None:
        login = services.writer.write(first_login)
        modbus_port = free_port()
        start_children(demo, children, let_in, modbus_port, feed)
        status.show(console, f"http://{demo.host}:{demo.port}", login, demo.data, _running(demo, modbus_port, feed))
        teller.append(asyncio.create_task(_tell(console, children)))
        teller.append(asyncio.create_task(_rehearse(services, load(drill.SCHOOL, SchoolConfig))))

    try:
        await serve(demo.config(), rooms, ready)
    finally:
        children.tell()
        for task in teller:
            task.cancel()


def first_login(connection: Connection) -> status.Login:
    """Make the login where there is none: once the server runs, so that no password is made that nobody sees."""
    if any(user.name == LOGIN for user in users.listed(connection)):
        return status.Login(LOGIN, None)
    password = users.make_password()
    now = datetime.now(UTC)
    users.add(connection, LOGIN, Role.SAFETY, password, now)
    note(connection, now, "(demo)", "user add", LOGIN)
    return status.Login(LOGIN, password)


def free_port() -> int:
    """Return a TCP port of loopback nobody uses now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def start_children(demo: Demo, children: Children, let_in: Credentials, modbus_port: int, feed: Feed | None) -> None:
    """Write the agents' files and start devices and agents."""
    ways = agents.Ways(modbus_port, demo.folder / "gas-box", free_port(), demo.broker_port, demo.folder)
    devices = (let_in.devices.user, let_in.devices.password_file)
    python = sys.executable
    children.start("devices", [
        python, "-m", "server.demo.devices", "--modbus-port", str(modbus_port), "--serial-link",
        str(ways.serial_link), "--camera-port", str(ways.camera_port),
        "--mqtt-port", str(demo.broker_port), "--mqtt-user", devices[0],
        "--mqtt-password-file", str(devices[1]),
    ])  # fmt: skip
    texts = {
        "building": agents.building(ways, let_in.building.user, let_in.building.password_file),
        "water": agents.water(ways, let_in.water.user, let_in.water.password_file, devices),
        "camera": agents.camera(ways, let_in.camera.user, let_in.camera.password_file, feed),
    }
    for name, text in texts.items():
        file = demo.folder / f"{name}.toml"
        file.write_text(text, encoding="utf-8")
        children.start(f"agent {name}", [python, "-m", "agent", "run", "--config", str(file)])


def _running(demo: Demo, modbus_port: int, feed: Feed | None) -> tuple[tuple[str, str], ...]:
    camera = shown(feed.source) if feed else "HTTP MJPEG, people drawn as they walk out (simulated)"
    return (
        ("broker", f"MQTT on 127.0.0.1:{demo.broker_port}"),
        ("devices", f"Modbus TCP on 127.0.0.1:{modbus_port}, a serial line, Zigbee2MQTT topics (all simulated)"),
        ("camera", camera),
        ("agents", f"教学楼终端, 水域终端, 东门摄像终端 (their files and log: {demo.folder})"),
    )


async def _rehearse(services: Services, school: SchoolConfig) -> None:
    """Arm a drill shortly before each bell, and let the teachers report when their classes are out."""
    began_s = time.monotonic()
    while True:
        into = (time.monotonic() - began_s) % ROUND_S
        await asyncio.sleep((DRILL.begins_s - ARMED_BEFORE_S - into) % ROUND_S)
        rehearsal = await asyncio.to_thread(services.writer.write, lambda c: drill.arm(c, school))
        await asyncio.sleep(ARMED_BEFORE_S + REPORT_AFTER_S)
        for number in range(len(school.classes)):
            await asyncio.sleep(3)
            work = partial(rehearsal.report, class_at=number, now=services.now())
            await asyncio.to_thread(services.writer.write, work)


async def _tell(console: Console, children: Children) -> None:
    began_s, told, mourned = time.monotonic(), -1.0, set[str]()
    while True:
        await asyncio.sleep(0.5)
        at_s = time.monotonic() - began_s
        for act in ACTS:
            begins_s = at_s - at_s % ROUND_S + act.begins_s
            if told < begins_s <= at_s:
                status.tell(console, f"{datetime.now().astimezone():%H:%M:%S}", act.text)
        told = at_s
        for name in set(children.dead()) - mourned:
            mourned.add(name)
            status.tell(console, f"{datetime.now().astimezone():%H:%M:%S}", f"{name}: ended; see {children.log}")
