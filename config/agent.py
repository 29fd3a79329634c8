"""The agent's configuration: one TOML file a device."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from config import Section
from config.buses import Bus
from config.cameras import CameraSection
from config.hosts import is_loopback
from config.points import STORAGE, Id
from config.rules import WaterLevelRule
from config.schedules import CalendarSection
from config.update import UpdateSection
from contracts.vocabulary import SensorKind, Severity


class MqttSection(Section):
    """The broker. Off loopback TLS is on unless `plain` asks for none by name."""

    host: str = "127.0.0.1"
    port: int = Field(default=1883, ge=1, le=65535)
    user: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    plain: bool = False
    protocol: Literal["3.1.1", "5"] = "3.1.1"
    keepalive_s: int = Field(default=10, ge=2)
    timeout_s: float = Field(default=5.0, gt=0)

    @property
    def on_loopback(self) -> bool:
        """Whether the broker is on this machine, by its address: a name may say anything."""
        return is_loopback(self.host)


class OutboxSection(Section):
    """Where accepted events wait for their receipt."""

    directory: Path = Path("/var/lib/campus-agent")
    reserve_mb: float = Field(default=4.0, ge=0)
    keep_days: float = Field(default=7.0, ge=0)
    max_entries: int = Field(default=200_000, ge=1000)
    readings_memory: int = Field(default=10_000, ge=100)
    accepted_log: Path | None = None
    """Append one line here after each commit: the independent witness of fault tests."""


class GpioOutput(Section):
    """A relay, buzzer or lamp on a GPIO line."""

    type: Literal["gpio"]
    chip: Path = Path("/dev/gpiochip0")
    line: int = Field(ge=0)
    active_low: bool = False


class FileOutput(Section):
    """A relay, buzzer or lamp that is switched by writing to a file, such as a kernel LED's `brightness`."""

    type: Literal["file"]
    file: Path
    on: str = "1"
    off: str = "0"


OutputSection = Annotated[GpioOutput | FileOutput, Field(discriminator="type")]


class LocalSection(Section):
    """What sounds and lights at the agent itself, with or without a server."""

    siren: OutputSection | None = None
    siren_for: tuple[Severity, ...] = (Severity.CRITICAL,)
    lost: OutputSection | None = None
    """Lamp or buzzer that says: the server has not answered for `answer_limit_s`."""
    answer_limit_s: float = Field(default=15.0, gt=0)


class ClockSection(Section):
    """Whether the wall clock can be believed: the kernel is asked, or a file that exists when it can."""

    synced_file: Path | None = None


class AgentConfig(Section):
    """All of one agent."""

    site: Id
    agent: Id
    name: str
    simulated: bool = False
    heartbeat_s: float = Field(default=5.0, gt=0)
    readings_s: float = Field(default=1.0, gt=0)
    mqtt: MqttSection = MqttSection()
    outbox: OutboxSection = OutboxSection()
    local: LocalSection = LocalSection()
    clock: ClockSection = ClockSection()
    calendar: CalendarSection = CalendarSection()
    update: UpdateSection = UpdateSection()
    bus: tuple[Bus, ...] = ()
    camera: tuple[CameraSection, ...] = ()

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        return self.check_ids()

    def check_ids(self) -> Self:
        """Return the same; raise ValueError where two parts have one id."""
        ids = [point.id for bus in self.bus for point in bus.point]
        ids += [part.id for camera in self.camera for part in (camera, *camera.line, *camera.zone)]
        ids += [f"{line.id}-in" for camera in self.camera for line in camera.line if line.out]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            where = " and ".join(bus.name for bus in self.bus for point in bus.point if point.id == twice[0])
            raise ValueError(
                f"the id {twice[0]!r} is given twice{where and f' ({where})'}:"
                " every point, camera, line and zone needs its own"
                " (a line with `out` uses its id with -in too)"
            )
        if STORAGE in ids:
            raise ValueError(f"the id {STORAGE!r} is the agent's own, for its disk: choose another")
        return self

    def with_camera(self, camera: CameraSection) -> Self:
        """Return the same with this camera in its place; raise ValueError where an id is given twice then."""
        cameras = tuple(camera if one.id == camera.id else one for one in self.camera)
        return self.model_copy(update={"camera": cameras}).check_ids()

    @model_validator(mode="after")
    def _second_gauges_are_here(self) -> Self:
        points = {point.id: point for bus in self.bus for point in bus.point}
        for point in points.values():
            second = point.rule.second if isinstance(point.rule, WaterLevelRule) else ""
            if not second:
                continue
            if second == point.id or second not in points:
                raise ValueError(f"point {point.id!r}: second = {second!r} is no other point of this agent")
            if points[second].kind not in {SensorKind.WATER_LEVEL, SensorKind.LEVEL}:
                raise ValueError(f"point {point.id!r}: second = {second!r} is no gauge but a {points[second].kind}")
        return self
