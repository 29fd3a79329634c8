"""All that is watched in one camera's picture: people on lines, and what each of them means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.line import LineCounter
from detectors.people.stature import Stature
from detectors.tracks import Tracker
from detectors.zone import ZoneWatch
from drivers.samples import Frame, Sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.cameras import CameraSection
    from detectors.findings import Finding
    from detectors.people import PeopleDetector


class CameraWatch:
    """A detector of one camera: pictures in, crossings and events out."""

    def __init__(self, camera: CameraSection, people: PeopleDetector) -> None:
        self._people = people
        self._tracker = Tracker()
        self._stature = Stature()
        self._lines = [LineCounter(line.id, line.line) for line in camera.line]
        self._zones = [ZoneWatch(zone) for zone in camera.zone]

    def update(self, sample: Sample) -> Sequence[Finding]:
        """Take one picture in; return what it shows."""
        if not isinstance(sample, Frame):
            return []
        known = [track.box for track in self._tracker.tracks if track.proven]
        people = self._people.detect(sample.image, sample.at, np.array(known, np.float64).reshape(-1, 4))
        if not people.usable:
            self._tracker.clear()
            return []
        size = (sample.image.shape[1], sample.image.shape[0])
        tracks = self._tracker.update(people.boxes, sample.at, size)
        self._stature.observe(tracks, sample.at, size)
        findings: list[Finding] = []
        for line in self._lines:
            findings += line.update(tracks, self._stature)
        for zone in self._zones:
            findings += zone.update(tracks, self._stature, sample.at)
        return findings

    def reset(self, at: float) -> Sequence[Finding]:  # noqa: ARG002 - nothing here latches
        """Nothing here latches."""
        return []


def people_detector(camera: CameraSection) -> PeopleDetector:  # noqa: ARG001 - model mode chooses by it
    """Return the detector the camera's section asks for."""
    from detectors.people.motion import MotionPeople  # noqa: PLC0415 - OpenCV loads where a camera is

    return MotionPeople()
