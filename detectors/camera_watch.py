"""All that is watched in one camera's picture: people on lines and in zones, fire, the camera itself."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from contracts.vocabulary import Hazard, Severity
from detectors.camera_health import CameraHealth
from detectors.findings import Event
from detectors.flame import FireWatch
from detectors.flow import FlowCounter
from detectors.hours import is_armed
from detectors.line import LineCounter
from detectors.people import People
from detectors.people.columns import apart
from detectors.people.stature import Stature
from detectors.people.vehicles import Vehicles, without
from detectors.people.whole import WholeMotion
from detectors.smoke_seen import SmokeWatch
from detectors.tracks import Tracker
from detectors.zone import ZoneWatch
from drivers.samples import Frame, Sample, Silence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from config.cameras import CameraSection
    from detectors.findings import Finding
    from detectors.people import PeopleDetector

MANY = 5  # alarms within a minute: a spider before the lens, rain, a loose mount
MINUTE_S = 60.0
SHELVED_S = 600.0
OUTSIDE = "outside-picture"  # a line or zone that was drawn beside the picture sees nobody


class CameraWatch:
    """A detector of one camera: pictures in, crossings and events out."""

    def __init__(self, camera: CameraSection, people: PeopleDetector) -> None:
        self._camera = camera
        self._drawn = camera
        self._people = people if camera.line or camera.zone or camera.stills else None
        self._size = (0, 0)
        self._outside: dict[str, bool] = {}  # each line's and zone's last word
        self._health = CameraHealth(camera.id, camera.frames_per_s)
        self._fires: list[FireWatch | SmokeWatch] = [FireWatch(camera.id, camera.fire)] if camera.fire.on else []
        if camera.fire.on and camera.fire.smoke:
            self._fires.append(SmokeWatch(camera.id, camera.fire))
        self._tracker = Tracker()
        self._stature = Stature()
        self._whole = WholeMotion()
        self._vehicles = Vehicles()
        self._lines: list[LineCounter] = []
        self._flows: list[FlowCounter] = []
        self._zones = [ZoneWatch(zone) for zone in camera.zone]
        self._alarms: deque[float] = deque(maxlen=MANY)
        self._shelved_until: float | None = None

    @property
    def tracker(self) -> Tracker:
        """Those who are followed, for drawing."""
        return self._tracker

    def flames(self, width: int, height: int) -> list[tuple[int, int, int, int]]:
        """Return where it burns in a picture of this size, x1 y1 x2 y2, for drawing."""
        return [place for fire in self._fires if isinstance(fire, FireWatch) for place in fire.places(width, height)]

    def update(self, sample: Sample) -> Sequence[Finding]:
        """Take one picture in; return what it shows."""
        match sample:
            case Frame():
                findings: list[Finding] = [*self._health.look(sample), *self._fit(sample), *self._look(sample)]
                return self._shelve(findings, sample.at)
            case Silence():
                return self._health.lost(sample.at)
            case _:
                return []

    def reset(self, at: float) -> Sequence[Finding]:  # noqa: ARG002 - nothing here latches
        """Nothing here latches."""
        return []

    def hidden(self, frame: Frame) -> NDArray[np.uint8]:
        """Return the picture just looked at, with nobody to be known in it; all of it is coarse while in doubt."""
        from detectors.people.hidden import hidden  # noqa: PLC0415 - few schools ask for it

        height = frame.image.shape[0]
        known = np.array([track.box for track in self._tracker.tracks], np.float64).reshape(-1, 4)
        nobody = People(known, np.ones(len(known)), usable=False)
        seen = self._people.everybody(frame.image, frame.at, known) if self._people is not None else nobody
        boxes = np.concatenate((seen.boxes, known))
        tallest = max([*(boxes[:, 3] - boxes[:, 1]), self._stature.said(float(height))])
        everybody = People(boxes, np.ones(len(boxes)), seen.foreground, seen.usable)
        return hidden(frame.image, everybody, min(float(tallest), float(height)))

    def _fit(self, frame: Frame) -> list[Event]:
        """Lay lines and zones onto a picture of another size than before; return who lies outside it."""
        height, width = frame.image.shape[:2]
        if (width, height) == self._size:
            return []
        self._size = (width, height)
        drawn_on = frame.drawn_on or self._size
        camera = self._camera = self._drawn.scaled(width / drawn_on[0], height / drawn_on[1])
        self._tracker.clear()
        self._stature = Stature(camera.person)
        self._lines = [LineCounter(line.id, line.line) for line in camera.line]
        self._flows = [
            FlowCounter(line.id, line.line, counter.direction)
            for line, counter in zip(camera.line, self._lines, strict=True)
        ]
        for watch, zone in zip(self._zones, camera.zone, strict=True):
            watch.zone = zone
        for fire in self._fires:
            fire.section = camera.fire
        if self._people is not None:
            self._people.look_at([*(line.line for line in camera.line), *(zone.zone for zone in camera.zone)])
        return self._lying_outside(camera.outside(width, height), frame.at)

    def _lying_outside(self, outside: Sequence[str], at: float) -> list[Event]:
        found: list[Event] = []
        for part in (*self._camera.line, *self._camera.zone):
            now = part.id in outside
            if self._outside.get(part.id) is not now:
                self._outside[part.id] = now
                reason = OUTSIDE if now else "normal"
                found.append(Event(part.id, Hazard.FAULT, now, Severity.FAULT, reason, at))
        return found

    def _look(self, frame: Frame) -> list[Finding]:
        findings: list[Finding] = []
        for fire in self._fires:
            findings += fire.look(frame.image, frame.at)
        if self._people is None:
            return findings
        known = [track.box for track in self._tracker.tracks if track.proven]
        people = self._people.detect(frame.image, frame.at, np.array(known, np.float64).reshape(-1, 4))
        size = (frame.image.shape[1], frame.image.shape[0])
        if not people.usable:
            self._tracker.clear()
        boxes, figure = people.boxes, self._stature.figure
        if self._lines and people.foreground is not None and figure is not None:
            boxes = apart(boxes, people.foreground, figure)
        tracks = self._tracker.update(boxes, frame.at, size, hidden=self._stature.hides)
        if people.foreground is not None:
            self._vehicles.observe(tracks, people.foreground, frame.at)
        self._stature.observe(tracks, frame.at, size)
        if self._zones and people.foreground is not None:
            self._whole.observe(tracks, people.foreground, frame.at)
        for line, flow in zip(self._lines, self._flows, strict=True):
            counted = line.update(tracks, self._stature)
            findings += counted
            if people.foreground is not None and self._stature.upright < 0.5:
                # from the side people hide each other, and near ones are larger: flow would not be of people
                findings += flow.update(without(people.foreground, tracks), counted, frame.at)
        for zone in self._zones:
            armed = is_armed(zone.zone.armed, frame.utc)
            findings += zone.update(tracks, self._stature, frame.at, armed=armed)
        return findings

    def _shelve(self, findings: list[Finding], at: float) -> list[Finding]:
        """Five alarms in a minute are no alarms: report one fault instead, and be still for a while."""
        alarms = [f for f in findings if isinstance(f, Event) and f.active and f.kind != Hazard.FAULT]
        self._alarms.extend(event.at for event in alarms)
        if self._shelved_until is not None:
            if at < self._shelved_until:
                return [f for f in findings if f not in alarms]
            self._shelved_until = None
            return [*findings, self._fault(active=False, at=at)]
        if len(self._alarms) == MANY and at - self._alarms[0] <= MINUTE_S:
            self._alarms.clear()
            self._shelved_until = at + SHELVED_S
            return [*findings, self._fault(active=True, at=at)]
        return findings

    def _fault(self, *, active: bool, at: float) -> Event:
        reason = "camera-needs-cleaning" if active else "normal"
        return Event(self._camera.id, Hazard.FAULT, active, Severity.FAULT, reason, at)


def people_detector(camera: CameraSection) -> PeopleDetector:
    """Return the detector the camera's section asks for."""
    from detectors.people.motion import MotionPeople  # noqa: PLC0415 - OpenCV loads where a camera is

    if camera.model is not None:
        from detectors.people.model import ModelPeople  # noqa: PLC0415 - networks load where they are asked for

        return ModelPeople(camera)
    return MotionPeople()
