"""Draw what the detectors see onto a recording, for the technician who tunes lines and zones; never live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import cv2
import numpy as np

from contracts.vocabulary import Hazard
from detectors.findings import Crossing, Event
from drivers.errors import DriverError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from cv2.typing import MatLike

    from config.cameras import CameraSection
    from detectors.camera_watch import CameraWatch
    from detectors.findings import Finding
    from detectors.tracks import Track
    from drivers.samples import Frame

    Colour = tuple[int, int, int]  # BGR

LINE: Colour = (0, 200, 255)
ZONE: Colour = (255, 160, 0)
ALARM: Colour = (0, 0, 255)
PERSON: Colour = (0, 220, 0)
DOUBTFUL: Colour = (160, 160, 160)
FONT = cv2.FONT_HERSHEY_SIMPLEX


class Drawing:
    """A film (.mp4) of all pictures, or one picture (.png): the last one, with the ways of all."""

    def __init__(self, path: Path, camera: CameraSection, rate: float) -> None:
        if path.suffix.lower() not in {".mp4", ".png"}:
            raise DriverError(f"{path}: is neither .mp4 nor .png")
        if not path.absolute().parent.is_dir():
            raise DriverError(f"{path}: there is no such folder")
        self._path = path
        self._camera = camera
        self._rate = rate
        self._film: cv2.VideoWriter | None = None
        self._ways: MatLike | None = None
        self._last: MatLike | None = None
        self._counts: dict[str, int] = {}
        self._states: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Files are opened with the first picture, whose size decides."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the file."""
        if self._film is not None:
            self._film.release()
        elif self._last is not None:
            cv2.imwrite(str(self._path), self._last)

    def add(self, frame: Frame, watch: CameraWatch, findings: Sequence[Finding]) -> None:
        """Draw one picture with what is known after it."""
        tracks = watch.tracker.tracks
        for finding in findings:
            self._note(finding)
        if self._ways is None or self._ways.shape != frame.image.shape:
            self._ways = np.zeros_like(frame.image)
        for track in tracks:
            if track.proven:
                cv2.circle(self._ways, _whole(track.foot), 1, _own_colour(track.id), -1)
        canvas = np.where(self._ways > 0, self._ways, frame.image).astype(np.uint8)
        self._shapes(canvas)
        for track in tracks:
            _track(canvas, track, frame.at)
        for x1, y1, x2, y2 in watch.flames(canvas.shape[1], canvas.shape[0]):
            told = any(state in {Hazard.FLAME, Hazard.SMOKE} for state in self._states)
            cv2.rectangle(canvas, (x1, y1), (x2, y2), ALARM if told else DOUBTFUL, 2)
        words = [f"{frame.at:.1f} s", *self._states.values()]
        for row, text in enumerate(words):
            _write(canvas, text, (6, 20 + 20 * row), ALARM if row else LINE)
        self._keep(canvas)

    def _note(self, finding: Finding) -> None:
        match finding:
            case Crossing():
                way = finding.direction.value
                self._counts[way] = self._counts.get(way, 0) + finding.count
            case Event(active=True):
                self._states[f"{finding.kind}"] = f"{finding.kind} {finding.reason}"
            case Event():
                self._states.pop(finding.kind, None)

    def _shapes(self, canvas: MatLike) -> None:
        for line in self._camera.line:
            x1, y1, x2, y2 = (round(value) for value in line.line)
            cv2.line(canvas, (x1, y1), (x2, y2), LINE, 2)
            counts = " ".join(f"{way} {number}" for way, number in sorted(self._counts.items()))
            _write(canvas, counts or "0", ((x1 + x2) // 2 + 4, (y1 + y2) // 2), LINE)
        occupied = Hazard.WATER_PERSON in self._states
        for zone in self._camera.zone:
            cv2.polylines(canvas, [_corners(zone.zone)], isClosed=True, color=ALARM if occupied else ZONE, thickness=2)
        for polygon in self._camera.fire.ignore:
            cv2.polylines(canvas, [_corners(polygon)], isClosed=True, color=DOUBTFUL, thickness=1)

    def _keep(self, canvas: MatLike) -> None:
        self._last = canvas
        if self._path.suffix.lower() != ".mp4":
            return
        size = (canvas.shape[1], canvas.shape[0])
        if self._film is None:
            code = cv2.VideoWriter.fourcc(*"mp4v")
            self._film = cv2.VideoWriter(str(self._path), code, self._rate, size)
            if not self._film.isOpened():
                raise DriverError(f"{self._path}: cannot be written")
        self._film.write(canvas)


def _track(canvas: MatLike, track: Track, at: float) -> None:
    """Green: a person; grey: not yet believed; thin: not seen in this picture."""
    colour = PERSON if track.proven else DOUBTFUL
    (x1, y1), (x2, y2) = _whole(track.box[:2]), _whole(track.box[2:])
    cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, 2 if track.seen_at == at else 1)
    _write(canvas, f"{track.id}{'+' if track.merged else ''}", (x1, y1 - 4), colour)


def _write(canvas: MatLike, text: str, place: tuple[int, int], colour: Colour) -> None:
    cv2.putText(canvas, text, place, FONT, 0.5, (0, 0, 0), 3)
    cv2.putText(canvas, text, place, FONT, 0.5, colour, 1)


def _own_colour(number: int) -> Colour:
    return (60 + 61 * number % 196, 60 + 113 * number % 196, 60 + 37 * number % 196)


def _whole(point: MatLike) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))


def _corners(polygon: Sequence[float]) -> MatLike:
    return np.asarray(polygon, np.float64).reshape(-1, 2).round().astype(np.int32)
