"""The birth message: all that this agent watches, in people's words."""

from __future__ import annotations

from importlib import metadata

from agent.faults import OWN_POINTS
from agent.limits import limits_of
from config.agent import AgentConfig
from config.cameras import LineSection
from contracts.messages import Birth, Line, Point, Stamp, Zone
from contracts.vocabulary import SensorKind
from detectors.minute import inward


def birth(config: AgentConfig, stamp: Stamp, session: int, epoch: str) -> Birth:
    """Word the configuration for the server."""
    return Birth(
        name=config.name,
        stamp=stamp,
        session=session,
        version=_version(),
        epoch=epoch,
        simulated=config.simulated,
        points=(*_points(config), *OWN_POINTS),
        lines=tuple(
            Line(
                id=s.id,
                name=s.name,
                place=s.place or camera.place,
                exit=s.exit,
                out=s.out,
                width_m=s.width_m,
                camera=camera.id,
            )
            for camera in config.camera
            for s in camera.line
        ),
        zones=tuple(
            Zone(id=s.id, name=s.name, place=s.place or camera.place, camera=camera.id)
            for camera in config.camera
            for s in camera.zone
        ),
    )


def _points(config: AgentConfig) -> tuple[Point, ...]:
    sensors = tuple(
        Point(
            id=p.id,
            name=p.name,
            kind=p.kind,
            unit=p.unit,
            place=p.place,
            grid=p.grid,
            zone=p.zone,
            auxiliary=p.auxiliary,
            silence_s=p.silence_s,
            limits=limits_of(p.rule, p.unit),
        )
        for bus in config.bus
        for p in bus.point
    )
    cameras = tuple(Point(id=c.id, name=c.name, kind="camera", unit="帧/秒", place=c.place) for c in config.camera)
    return (*sensors, *cameras, *(point for c in config.camera for line in c.line for point in _counts(line, c.place)))


def _counts(line: LineSection, place: str) -> tuple[Point, ...]:
    """The points that tell how many people a minute cross a line: out, and in where the line has an out."""
    out = Point(
        id=line.id,
        name=f"{line.name} 出" if line.out else line.name,
        kind=SensorKind.LINE,
        unit="人/分",
        place=line.place or place,
    )
    into = out.model_copy(update={"id": inward(line.id), "name": f"{line.name} 进"})
    return (out, into) if line.out else (out,)


def _version() -> str:
    try:
        return metadata.version("campuswatch")
    except metadata.PackageNotFoundError:
        return ""
