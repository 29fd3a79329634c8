"""Wire one agent together from its configuration, run it until a signal, leave in time."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType

from agent.camera_words import AlarmStill, Measured
from agent.camera_worker import CameraWorker
from agent.cameras import Cameras
from agent.clock import Clock, system_clock
from agent.disk import BusyError
from agent.drawn import DrawnShapes
from agent.faults import STORAGE, OwnFault
from agent.intake import Intake
from agent.lane import ReadingLane
from agent.link import Link
from agent.notify import notify
from agent.outbox import Outbox
from agent.outputs import Local
from agent.pipeline import Pipeline
from agent.self_report import Vitals
from agent.store import NewerError
from agent.supervisor import Supervisor, guard
from agent.worker import ThreadWorker, Worker
from agent.zones import Zones
from config import ConfigError, load
from config.agent import AgentConfig
from config.buses import Bus
from config.schedules import CalendarSection
from contracts import messages
from contracts.messages import Command, Configure, Reset, Still, WorkerHealth
from detectors import detectors_for
from drivers import driver_for

log = logging.getLogger("campus-agent")

_EXIT_BUSES_S = 0.8
_EXIT_LINK_S = 1.9  # the link's own last words take at most 1.5 s
_EXIT_OUTBOX_S = 0.3
_MOST_PATIENCE_S = 30.0
_READ_S = 5.0  # the longest a driver may wait beyond its own time-outs


@dataclass(frozen=True, slots=True)
class Agent:
    """The parts of a running agent."""

    outbox: Outbox
    outbox_worker: Worker
    link_worker: Worker
    sources: Sequence[Worker]
    supervisor: Supervisor
    local: Local

    def run(self, stop: threading.Event) -> None:
        """Run until stopped: sources first, then last words to the server, then the disk."""
        self.supervisor.run(stop)
        _end(self.sources, _EXIT_BUSES_S)
        _end([self.link_worker], _EXIT_LINK_S)
        _end([self.outbox_worker], _EXIT_OUTBOX_S)
        self.local.off()
        self.outbox.close()


def _end(workers: Sequence[Worker], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    for worker in workers:
        worker.stop()
    for worker in workers:
        worker.join(deadline - time.monotonic())
        if worker.alive():
            log.warning("%s: did not end in time", worker.name)
            worker.kill()


def assemble(config: AgentConfig, clock: Clock) -> Agent:
    """Make all parts; raise BusyError or NewerError when the outbox cannot be had."""
    outbox = Outbox(config.outbox, OwnFault(STORAGE, clock))
    outbox.open()
    local = Local(config.local)
    drawn = DrawnShapes(config.outbox.directory / "shapes.json", config)
    config = drawn.config
    lane = ReadingLane(config.outbox.readings_memory)
    points = tuple(point for bus in config.bus for point in bus.point)
    units = {point.id: point.unit for point in points}
    zones = Zones(points, config.calendar, Intake(outbox, clock, units, (local.hear,)), clock, config.camera)
    intake = Intake(outbox, clock, units, (local.hear, zones.hear), zones.read)
    workers = [CameraWorker(camera, intake.take, clock) for camera in config.camera]
    for worker in workers:
        worker.measure = partial(_keep, lane, clock)
    pipelines = [_pipeline(bus, config.calendar, intake, lane, clock) for bus in config.bus]

    def obey(command: Command) -> None:
        match command:
            case Reset(point=point):
                zones.reset(point)
                if not any(pipeline.reset(point) for pipeline in pipelines):
                    log.warning("%s: a reset for a point this agent does not have", point)
            case Configure() | Still():
                cameras.obey(command)
            case _:
                return

    def health() -> tuple[WorkerHealth, ...]:
        return supervisor.health()

    vitals = Vitals(
        health,
        lambda: {point: age for pipeline in pipelines for point, age in pipeline.ages_s().items()},
    )
    link = Link(config, clock, outbox, lane, vitals, obey)
    cameras = Cameras(workers, drawn, link.say, link.watch)
    for worker in workers:
        worker.show = partial(_show, link, clock)
    outbox.on_commit(link.wake)
    outbox_worker, link_worker = ThreadWorker(outbox, guard), ThreadWorker(link, guard)
    sources: list[Worker] = [ThreadWorker(job, guard) for job in (*pipelines, zones)]
    sources += workers
    supervisor = Supervisor(
        [outbox_worker, link_worker, *sources], lambda: local.answer_age(link.answer_age_s()), notify
    )
    return Agent(outbox, outbox_worker, link_worker, sources, supervisor, local)


def _keep(lane: ReadingLane, clock: Clock, measured: Measured) -> None:
    """Hand a camera's number on as a reading."""
    ago = max(0.0, time.monotonic() - measured.at)
    lane.add(
        messages.Reading(
            point=measured.point,
            value=measured.value,
            at=clock.stamp(0, clock.wall() - ago).at,
            mono_s=clock.mono() - ago,
            low=measured.low,
            high=measured.high,
            quality=measured.quality,
        )
    )


def _show(link: Link, clock: Clock, still: AlarmStill, event: str) -> None:
    """Hand the still of an alarm on."""
    at = clock.stamp(0, clock.wall() - max(0.0, time.monotonic() - still.at)).at
    size = {"width": still.width, "height": still.height}
    link.show(
        messages.AlarmStill.model_validate(
            {"event": event, "camera": still.camera, "at": at, "image": still.jpeg, **size}
        )
    )


def _pipeline(bus: Bus, calendar: CalendarSection, intake: Intake, lane: ReadingLane, clock: Clock) -> Pipeline:
    points = {point.id: point for point in bus.point}
    detectors = {id_: detectors_for(point, calendar) for id_, point in points.items()}
    return Pipeline(
        driver_for(bus),
        detectors,
        intake,
        lane,
        clock,
        _patience_s(bus),
        lambda id_: detectors_for(points[id_], calendar),
    )


def _patience_s(bus: Bus) -> float:
    """How long one read of this bus may take: every point may run into its time-out."""
    timeout_s: float = getattr(bus, "timeout_s", 1.0)
    return min(_READ_S + 3 * timeout_s * max(1, len(bus.point)), _MOST_PATIENCE_S)


def run(config_file: Path) -> int:
    """Run the agent of one configuration file; return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    os.umask(0o077)  # what is kept here is for the agent alone
    stop = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    try:
        config = load(config_file, AgentConfig)
        agent = assemble(config, system_clock(config.clock.synced_file))
    except (ConfigError, BusyError, NewerError) as e:
        sys.stderr.write(f"{e}\n")
        return 2
    _give_memory_back()
    agent.run(stop)
    return 0


def _give_memory_back() -> None:
    """Return to the kernel what building the models of the configuration left free: some 4 MB of 50."""
    gc.collect()
    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc only
    if trim is not None:
        trim(0)
