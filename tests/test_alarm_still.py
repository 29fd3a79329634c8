"""Stills of alarms: nobody can be known in one, few are made, and none goes before its event."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from agent_fakes import bodies, event, in_line, running_outbox, still_clock
from cv2.typing import MatLike
from numpy.typing import NDArray
from pydantic import ValidationError
from waiting import until

from agent.alarm_still import A_MINUTE, MOST_BYTES, AlarmStills, jpeg
from agent.lane import ReadingLane
from agent.link import Link
from agent.self_report import Vitals
from agent.still_lane import PATIENCE_S, PLACES, StillLane
from config.agent import AgentConfig
from config.cameras import CameraSection, ModelSection
from contracts.messages import AlarmStill
from contracts.vocabulary import Direction, Severity
from detectors.camera_watch import CameraWatch, people_detector
from detectors.findings import Crossing, Event, Finding
from detectors.people import People
from detectors.people.background import Foreground
from detectors.people.hidden import FIGURE, ROWS, SEEN, WIDEST, hidden
from detectors.people.model import Network
from detectors.people.motion import MotionPeople
from drivers.samples import Frame

SURE = 0.5  # the score from which the test's network has found a person
CLIPS = {"zone_indoor_onebyone.mp4": (15, 25, 35), "count_vtest.avi": (8, 20, 40, 60)}


def camera(**more: Any) -> CameraSection:
    zone = {"id": "bank", "name": "岸边", "zone": (1, 1, 300, 1, 300, 200, 1, 200)}
    return CameraSection.model_validate(
        {"id": "cam", "name": "池塘", "source": "x", "stills": True, "zone": (zone,)} | more
    )


def water(*, active: bool = True, severity: Severity = Severity.WARNING, reason: str = "present") -> Event:
    return Event("bank", "water-person", active, severity, reason, 1.0)


def fire(kind: str, *, active: bool = True) -> Event:
    return Event("cam", kind, active, Severity.ADVISORY, "colour-and-flicker", 1.0)


def frame(at: float = 1.0) -> Frame:
    return Frame("cam", np.random.default_rng(3).integers(0, 255, (240, 320, 3)).astype(np.uint8), at, 0.0)


def watched(clip: Path, section: CameraSection, moments: tuple[int, ...]) -> list[tuple[MatLike, NDArray[np.uint8]]]:
    """Play a clip as the camera's process would; at each moment the picture as it was, and the still of it."""
    watch, found, wanted = CameraWatch(section, people_detector(section)), [], list(moments)
    capture = cv2.VideoCapture(str(clip))
    rate = capture.get(cv2.CAP_PROP_FPS)
    step = max(1, round(rate / 8))
    for index in range(int(rate * (moments[-1] + 1))):
        if not capture.grab():
            break
        at = index / rate
        if index % step:
            continue
        _, picture = capture.retrieve()
        one = Frame(section.id, picture.astype(np.uint8), at, at, index)
        watch.update(one)
        if wanted and at >= wanted[0]:
            wanted.pop(0)
            sent = np.frombuffer(base64.b64decode(jpeg(watch.hidden(one))), np.uint8)
            found.append((picture, np.asarray(cv2.imdecode(sent, cv2.IMREAD_COLOR), np.uint8)))
    capture.release()
    return found


def detail(picture: MatLike, box: NDArray[np.float64]) -> float:
    """Median slope within a box, grey levels a pixel."""
    x1, y1, x2, y2 = np.maximum(box, 0).astype(int)
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)[y1:y2, x1:x2]
    return float(np.median(np.hypot(cv2.Sobel(grey, -1, 1, 0), cv2.Sobel(grey, -1, 0, 1))))


@pytest.mark.timeout(240)
@pytest.mark.parametrize("mode", ["motion", "network"])
@pytest.mark.parametrize("clip", CLIPS)
def test_a_network_that_finds_the_people_finds_nobody_in_the_still(shared: Path, clip: str, mode: str) -> None:
    model = ModelSection(path=shared / "data" / "models" / "yolox_nano.onnx", score=0.1)
    judge = Network(model)
    section = camera(model=model if mode == "network" else None)
    moments = CLIPS[clip] if mode == "motion" else CLIPS[clip][:2]
    stills = watched(shared / "data" / "video" / clip, section, moments)
    assert len(stills) == len(moments)
    people = 0
    for picture, still in stills:
        boxes, scores = judge.people(picture)
        boxes = boxes[scores >= SURE]
        people += len(boxes)
        small = cv2.resize(picture, still.shape[1::-1], interpolation=cv2.INTER_AREA)
        assert (judge.people(small)[1] >= SURE).any(), "the size alone hides nobody: this test can fail"
        cell = still.shape[0] / ROWS
        for look in (still, cv2.GaussianBlur(still, (0, 0), cell / 2)):  # eyes half closed see more in a mosaic
            assert judge.people(look)[1].max(initial=0.0) < SURE
        scale = np.array(still.shape[1::-1] * 2) / np.array(picture.shape[1::-1] * 2)
        for box in boxes * scale:
            assert detail(still, box) <= 0.2 * detail(small, box)
    assert people >= len(stills)


@pytest.mark.parametrize("size", [(320, 240), (768, 576), (1920, 1080), (576, 704)])
@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 1.0])
def test_every_cell_is_one_colour_and_larger_than_a_face_could_be_read_in(size: tuple[int, int], share: float) -> None:
    width, height = size
    picture = np.random.default_rng(5).integers(0, 255, (height, width, 3)).astype(np.uint8)
    box = np.array([(0.3 * width, 0.0, 0.4 * width, max(share, 0.1) * height)])
    still = hidden(picture, People(box, np.ones(1)), share * height)
    assert still.shape[1] <= WIDEST
    rows = 1 + int((np.abs(np.diff(still.astype(int), axis=0)).max(axis=(1, 2)) > 0).sum())
    assert rows <= 1.1 * ROWS, "who fills the picture unnoticed has a head of five cells and a half at most"
    assert share * rows <= 1.2 * FIGURE
    x = int(0.35 * still.shape[1])
    column = still[: int(max(share, 0.1) * still.shape[0]), x].astype(int)
    assert 1 + int((np.abs(np.diff(column, axis=0)).max(axis=1) > 0).sum()) <= SEEN + 2


def test_what_moves_is_coarse_without_any_box_and_all_is_while_the_place_is_not_known() -> None:
    picture = np.random.default_rng(6).integers(0, 255, (400, 400, 3)).astype(np.uint8)
    mask = np.zeros((100, 100), np.uint8)
    mask[50:60, 20:30] = 255
    nobody, none = np.zeros((0, 4)), np.zeros(0)
    moving = hidden(picture, People(nobody, none, Foreground(mask, mask, 0.25, usable=True)), 0.0)
    at = (int(0.55 * moving.shape[0]), int(0.25 * moving.shape[1]))
    half = moving.shape[0] // ROWS
    around = moving[at[0] - half : at[0] + half, at[1] - half : at[1] + half]
    assert len(np.unique(around.reshape(-1, 3), axis=0)) <= 4
    assert len(np.unique(moving.reshape(-1, 3), axis=0)) > 1000
    unknown = hidden(picture, People(nobody, none, usable=False), 0.0)
    assert len(np.unique(unknown.reshape(-1, 3), axis=0)) <= (ROWS * SEEN / FIGURE + 1) ** 2


@pytest.mark.parametrize(
    ("finding", "shown"),
    [
        (water(), True),
        (water(severity=Severity.CRITICAL), True),
        (water(severity=Severity.ADVISORY), False),
        (water(active=False), False),
        (fire("flame"), True),
        (fire("smoke"), True),
        (fire("flame", active=False), False),
        (Event("cam", "fault", True, Severity.FAULT, "camera-lost", 1.0), False),  # noqa: FBT003
        (Crossing("exit", Direction.LEFT, 1.0), False),
    ],
)
def test_alarms_alone_have_a_still_and_only_where_the_school_asked(finding: Finding, shown: bool) -> None:  # noqa: FBT001
    watch = CameraWatch(camera(), MotionPeople())
    assert (AlarmStills(camera()).of(finding, frame(), watch) is not None) is shown
    assert AlarmStills(camera(stills=False)).of(finding, frame(), watch) is None


def test_an_alarm_has_one_still_and_a_camera_few_a_minute() -> None:
    stills, watch = AlarmStills(camera()), CameraWatch(camera(), MotionPeople())
    assert stills.of(water(), frame(), watch)
    assert stills.of(water(severity=Severity.CRITICAL, reason="dwell"), frame(2.0), watch) is None
    made = 1
    for second in range(3, 60):
        assert stills.of(water(active=False), frame(second), watch) is None
        made += stills.of(water(), frame(second + 0.5), watch) is not None
    assert made == A_MINUTE
    stills.of(water(active=False), frame(62.0), watch)
    assert stills.of(water(), frame(62.0), watch) is not None


def test_off_is_the_default_and_a_private_camera_cannot_have_it_on() -> None:
    assert CameraSection(id="c", name="c", source="x").stills is False
    with pytest.raises(ValidationError, match="private"):
        camera(private=True)


def test_a_still_is_small_whatever_the_picture() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (1080, 1920, 3)).astype(np.uint8)
    assert 0 < len(base64.b64decode(jpeg(noise))) <= MOST_BYTES or jpeg(noise) == ""
    made = hidden(noise, People(np.zeros((0, 4)), np.zeros(0)), 0.0)
    assert 0 < len(base64.b64decode(jpeg(made))) <= MOST_BYTES


def told(number: int = 1) -> AlarmStill:
    at = event().stamp.at
    return AlarmStill(event=f"event-{number:04}", camera="cam", at=at, width=2, height=2, image="AAAA")


def test_stills_that_cannot_go_are_dropped_and_counted() -> None:
    lane = StillLane()
    for number in range(PLACES + 2):
        lane.add(told(number), 10.0)
    assert (len(lane), lane.dropped) == (PLACES, 2)
    assert lane.take(10.0) == told(2)
    assert lane.take(11.0 + PATIENCE_S) is None
    assert (len(lane), lane.dropped) == (0, 1 + PLACES)


class Wire:
    """Keeps what is published."""

    def __init__(self) -> None:
        self.topics: list[str] = []

    def publish(self, message: Any) -> None:
        self.topics.append(message.topic)


def test_a_still_goes_only_when_the_server_has_every_event(tmp_path: Path) -> None:
    config = AgentConfig.model_validate({"site": "s1", "agent": "pi", "name": "终端"})
    wire: Any = Wire()
    with running_outbox(tmp_path) as outbox:
        vitals = Vitals(lambda: (), dict)
        link = Link(config, still_clock(), outbox, ReadingLane(10), vitals, lambda _: None)
        link.show(told())
        outbox.submit(event())
        link._send_still(wire, link._started)
        assert wire.topics == []
        until(lambda: bool(bodies(outbox)), what="the event is on the disk")
        link._send_still(wire, link._started)
        assert wire.topics == []
        for epoch, seq in in_line(outbox):
            outbox.acknowledge(epoch, [seq])
        link._send_still(wire, link._started)
        assert wire.topics == ["campus/1/s1/pi/stills"]
        link._send_still(wire, link._started)
        assert len(wire.topics) == 1
