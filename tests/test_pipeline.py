"""One bus from end to end: a lost bus is silence, said once; people reset; replays are seen now."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from agent_fakes import bodies, running_outbox, still_clock

from agent.intake import Instant, Intake
from agent.lane import ReadingLane
from agent.outbox import Outbox
from agent.pipeline import Pipeline
from contracts import messages
from contracts.vocabulary import Severity
from detectors.findings import Event
from drivers.errors import DriverError, DriverTimeoutError
from drivers.samples import Reading, Sample, Silence, Tick


class ScriptedDriver:
    """Returns what the script says, then stops the run."""

    name = "bus"
    interval_s = 0.0
    done = False

    def __init__(self, script: Sequence[Sequence[Sample] | DriverError], stop: threading.Event) -> None:
        self._script = deque(script)
        self._stop = stop
        self.opened = 0

    def __enter__(self) -> Self:
        self.opened += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self) -> Sequence[Sample]:
        step = self._script.popleft()
        if not self._script:
            self._stop.set()
        if isinstance(step, DriverError):
            raise step
        return step

    def close(self) -> None:
        pass


class Echo:
    """Finds an event in every reading and silence, and says what it was told."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []

    def update(self, sample: Sample) -> Sequence[Event]:
        self.samples.append(sample)
        match sample:
            case Reading():
                return [Event(sample.point, "heat", True, Severity.CRITICAL, "read", sample.at, sample.value)]  # noqa: FBT003
            case Silence():
                return [Event(sample.point, "fault", True, Severity.FAULT, sample.reason, sample.at)]  # noqa: FBT003
            case _:
                return []

    def reset(self, at: float) -> Sequence[Event]:
        return [Event("t1", "heat", False, Severity.CRITICAL, "reset", at)]  # noqa: FBT003


def run(script: Sequence[Sequence[Sample] | DriverError], outbox: Outbox, echo: Echo, *resets: str) -> ReadingLane:
    stop = threading.Event()
    clock = still_clock()
    lane = ReadingLane(100)
    pipeline = Pipeline(
        ScriptedDriver(script, stop), {"t1": [echo]}, Intake(outbox, clock, {"t1": "degC"}), lane, clock, 10.0
    )
    for point in resets:
        pipeline.reset(point)
    pipeline.run(lambda: None, stop)
    return lane


def found(outbox: Outbox) -> list[tuple[str, str]]:
    return [(e.kind, e.reason) for e in sorted(bodies(outbox), key=lambda e: e.seq) if isinstance(e, messages.Event)]


def reading(value: float, at: float = 100.0) -> Reading:
    return Reading("t1", value, at, 1_795_000_000.0)


def test_a_value_goes_to_the_lane_and_what_it_means_to_the_outbox(tmp_path: Path) -> None:
    with running_outbox(tmp_path) as outbox:
        lane = run([[reading(71.5)]], outbox, Echo())
    with running_outbox(tmp_path) as outbox:
        (event,) = bodies(outbox)
    assert isinstance(event, messages.Event)
    assert (event.value, event.unit, event.stamp.mono_s) == (71.5, "degC", 100.0)
    assert [r.value for r in lane.take(10)] == [71.5]


def test_a_lost_bus_is_silence_of_its_points_said_once_and_once_when_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    script = [DriverError("bus: unplugged"), DriverTimeoutError("bus: no answer"), [reading(20.0)]]
    with running_outbox(tmp_path) as outbox:
        run(script, outbox, Echo())
    with running_outbox(tmp_path) as outbox:
        assert found(outbox) == [("fault", "bus-lost"), ("fault", "timeout"), ("heat", "read")]
    assert [r.message for r in caplog.records if r.name == "agent.pipeline"] == [
        "bus: unplugged; trying again",
        "bus: is back",
    ]


def test_time_goes_on_for_the_detectors_without_samples(tmp_path: Path) -> None:
    echo = Echo()
    with running_outbox(tmp_path) as outbox:
        run([[]], outbox, echo)
    assert any(isinstance(sample, Tick) for sample in echo.samples)


def test_a_person_resets_what_is_latched_in_the_thread_of_the_bus(tmp_path: Path) -> None:
    with running_outbox(tmp_path) as outbox:
        run([[reading(80.0)]], outbox, Echo(), "t1", "another-bus")
    with running_outbox(tmp_path) as outbox:
        assert found(outbox) == [("heat", "read"), ("heat", "reset")]


def test_a_recording_with_seconds_of_its_own_is_seen_now(tmp_path: Path) -> None:
    with running_outbox(tmp_path) as outbox:
        run([[reading(80.0, at=5_000_000.0)]], outbox, Echo())
    with running_outbox(tmp_path) as outbox:
        (event,) = bodies(outbox)
    assert event.stamp.mono_s == 100.0


class Poisoned(Echo):
    """Has a bug that some values meet."""

    def update(self, sample: Sample) -> Sequence[Event]:
        found = super().update(sample)
        if isinstance(sample, Reading) and sample.value == 0.0:
            raise ZeroDivisionError("a bug")
        return found


def test_a_bug_that_one_point_meets_is_a_fault_of_that_point_and_its_detectors_begin_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stop, clock, other = threading.Event(), still_clock(), Echo()
    made: list[Poisoned] = []

    def anew(point: str) -> Sequence[Poisoned]:
        assert point == "t1"
        made.append(Poisoned())
        return [made[-1]]

    script = [[reading(value), Reading("t2", value, 100.0, 1_795_000_000.0)] for value in (0.0, 5.0, 0.0, 6.0)]
    with running_outbox(tmp_path) as outbox:
        intake, lane = Intake(outbox, clock, {}), ReadingLane(100)
        driver = ScriptedDriver(script, stop)
        pipeline = Pipeline(driver, {"t1": [Poisoned()], "t2": [other]}, intake, lane, clock, 10.0, anew)
        pipeline.run(lambda: None, stop)
        assert "t1: ZeroDivisionError: a bug" in pipeline.trouble()
    assert [s.value for s in other.samples if isinstance(s, Reading)] == [0.0, 5.0, 0.0, 6.0], "the bus goes on"
    assert driver.opened == 1
    (again,) = made  # not anew at each reading: what they wait for would never come about
    heard = [s.reason if isinstance(s, Silence) else s.value for s in again.samples if isinstance(s, Silence | Reading)]
    assert heard == ["detector-failed", 5.0, 0.0, "detector-failed", 6.0]
    assert [r.message for r in caplog.records] == ["bus: t1: a bug in its detectors, which begin anew"]


def test_a_finding_is_stored_though_whoever_else_hears_of_it_fails(tmp_path: Path) -> None:
    told: list[str] = []

    def siren(*_: object) -> None:
        raise RuntimeError("a bug")

    def zones(finding: object, _now: Instant) -> None:
        told.append(type(finding).__name__)

    with running_outbox(tmp_path) as outbox:
        intake = Intake(outbox, still_clock(), {}, (siren, zones))
        with pytest.raises(RuntimeError, match="a bug"):
            intake.take(Event("t1", "heat", True, Severity.CRITICAL, "read", 100.0), Instant(100.0, 100.0, 0.0))  # noqa: FBT003
    assert told == ["Event"]
    with running_outbox(tmp_path) as outbox:
        assert found(outbox) == [("heat", "read")]
