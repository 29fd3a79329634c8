"""People by a network that the user supplies, always on the part of the picture that matters."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import cv2
import numpy as np

from detectors.people import People
from detectors.people.decoders import Family, recognise
from detectors.people.engines import engine_for
from detectors.people.motion import MotionPeople
from drivers.errors import DriverError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from config.cameras import CameraSection, ModelSection
    from detectors.people import Boxes, Picture

    Region = tuple[int, int, int, int]  # x1, y1, x2, y2

SIZES = (320, 416, 352, 300, 640, 512, 480, 288, 256)
OVERLAP = 0.5  # boxes that share more are one person
ENOUGH = 0.6  # of what moves is seen by the network: it sees people from here
LEAST = 20.0  # boxes until that is believed
MEMORY = 400.0  # boxes after which half of it is forgotten
LEARN_S = 10.0  # so long what moves is watched in every picture
PAUSE_S = 1.0  # later once in this time, so that the empty place stays known
MARGIN = 0.3  # of the region's longer side, around lines and zones: room for whole people


class Network:
    """A network file, its family recognised by its outputs."""

    def __init__(self, section: ModelSection) -> None:
        check(section.path, section.sha256)
        self.name = section.path.name
        self._score = section.score
        self.engine = engine_for(section.path, section.runtime)
        self.size, self.family = self._recognise(self.engine.size)

    def people(self, picture: Picture) -> tuple[Boxes, Boxes]:
        """Return boxes (n, 4) in pixels of the picture, and scores (n,)."""
        height, width = picture.shape[:2]
        ratio = self.size / max(height, width)
        inner = cv2.resize(picture, (max(1, round(width * ratio)), max(1, round(height * ratio))))
        square = np.full((self.size, self.size, 3), 114, np.uint8)
        square[: inner.shape[0], : inner.shape[1]] = inner
        found = self.family.decode(self._forward(square, self.family), self.size)
        found = found[found[:, 4] >= self._score]
        kept = _distinct(found)
        return kept[:, :4] / ratio, kept[:, 4]

    def _forward(self, square: Picture, family: Family) -> Sequence[Boxes]:
        ordered = square[..., ::-1] if family.rgb else square
        plane = (ordered.astype(np.float32) - np.array(family.mean, np.float32)) / np.array(family.std, np.float32)
        return self.engine.forward(np.ascontiguousarray(plane.transpose(2, 0, 1)))

    def _recognise(self, declared: int | None) -> tuple[int, Family]:
        """Try the size the file declares; OpenCV takes others too, at which the network sees worse."""
        shapes: list[tuple[int, ...]] = []
        for size in (declared,) if declared else SIZES:
            try:
                shapes = [output.shape for output in self.engine.forward(np.zeros((3, size, size), np.float32))]
            except ValueError:
                continue
            family = recognise(shapes, size)
            if family is not None:
                return size, family
        told = ", ".join("x".join(str(n) for n in shape) for shape in shapes) or "none at any usual input size"
        raise DriverError(
            f"{self.name}: its outputs ({told}) are none of YOLOX, NanoDet, PicoDet, FastestDet, SSD: export it without"
            " post-processing"
        )


class ModelPeople:
    """Model mode: the network on a crop around all lines and zones.

    Networks learned people from the side; from above most are blind. So moving things are watched too, and stand in
    for people as long as the network does not see most of them.
    """

    def __init__(self, camera: CameraSection) -> None:
        if camera.model is None:
            raise ValueError(f"{camera.id}: has no model")
        self._network = Network(camera.model)
        self._shapes: list[tuple[float, ...]] = []
        self._motion = MotionPeople()
        self._moved_at: float | None = None
        self._began: float | None = None
        self._moving = self._confirmed = 0.0

    @property
    def sight(self) -> float:
        """Share of what moves that the network takes for people; 0 while nothing is known."""
        return self._confirmed / self._moving if self._moving >= LEAST else 0.0

    def look_at(self, shapes: Sequence[tuple[float, ...]]) -> None:
        """Take what matters: the network sees only the part of the picture around it."""
        self._shapes = list(shapes)

    def detect(self, picture: Picture, at: float, known: Boxes) -> People:
        """Return the people in the part of the picture that matters."""
        x1, y1, x2, y2 = region(self._shapes, picture.shape[1], picture.shape[0])
        boxes, scores = self._network.people(picture[y1:y2, x1:x2])
        boxes = boxes + np.array((x1, y1, x1, y1), float)
        moving = self._moving_boxes(picture, at, known, (x1, y1, x2, y2))
        seen = covered(moving, boxes)
        keep = 0.5 ** (len(moving) / MEMORY)
        self._moving = keep * self._moving + len(moving)
        self._confirmed = keep * self._confirmed + float(seen.sum())
        if self.sight >= ENOUGH:
            return People(boxes, scores)
        rest = moving[~seen]
        return People(np.concatenate((boxes, rest)), np.concatenate((scores, np.zeros(len(rest)))))

    def everybody(self, picture: Picture, at: float, known: Boxes) -> People:
        """Return whom the network sees in the whole picture, and all that moves."""
        boxes, scores = self._network.people(picture)
        moving = self._motion.detect(picture, at, known)
        scores = np.concatenate((scores, moving.scores))
        return People(np.concatenate((boxes, moving.boxes)), scores, moving.foreground, moving.usable)

    def _moving_boxes(self, picture: Picture, at: float, known: Boxes, part: Region) -> Boxes:
        """Boxes of what moves in the part; looked at once a second where the network sees well."""
        if self._began is None:
            self._began = at
        idle = self.sight >= ENOUGH and at - self._began > LEARN_S
        if idle and self._moved_at is not None and 0 <= at - self._moved_at < PAUSE_S:
            return np.zeros((0, 4), np.float64)
        self._moved_at = at
        found = self._motion.detect(picture, at, known).boxes
        middle = (found[:, :2] + found[:, 2:]) / 2
        inside = (middle >= np.array(part[:2])).all(axis=1) & (middle <= np.array(part[2:])).all(axis=1)
        return found[inside]


def covered(moving: Boxes, boxes: Boxes) -> NDArray[np.bool_]:
    """Whether each moving box (n, 4) shows a person of `boxes`: a third of the smaller of the two is common."""
    if not len(moving) or not len(boxes):
        return np.zeros(len(moving), np.bool_)
    low = np.maximum(moving[:, None, :2], boxes[None, :, :2])
    high = np.minimum(moving[:, None, 2:], boxes[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    smaller = np.minimum(
        (moving[:, 2:] - moving[:, :2]).prod(axis=1)[:, None], (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    )
    return (common > smaller / 3).any(axis=1)


def region(shapes: list[tuple[float, ...]], width: int, height: int) -> Region:
    """Return the part of a picture around the shapes, as square as the picture allows."""
    if not shapes:
        return 0, 0, width, height
    points = np.concatenate([np.asarray(shape, float).reshape(-1, 2) for shape in shapes])
    low, high = points.min(axis=0), points.max(axis=0)
    side = float((high - low).max()) * (1 + 2 * MARGIN)
    middle, limits = (low + high) / 2, np.array((width, height), float)
    start = np.clip(middle - side / 2, 0, np.maximum(limits - side, 0))
    end = np.minimum(start + side, limits)
    return int(start[0]), int(start[1]), round(float(end[0])), round(float(end[1]))


def check(path: Path, sha256: str | None) -> None:
    """Raise DriverError unless the file is there and is the one meant."""
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as e:
        raise DriverError(f"{path}: the model cannot be read: {e.strerror}") from e
    if sha256 is not None and found != sha256.lower():
        raise DriverError(f"{path}: is not the model that was meant: its sha256 is {found}, asked for is {sha256}")


def _distinct(found: Boxes) -> Boxes:
    """Keep the best of the boxes that show the same person (greedy non-maximum suppression)."""
    found = found[np.argsort(-found[:, 4])]
    kept: list[Boxes] = []
    while len(found):
        best, found = found[0], found[1:]
        kept.append(best)
        shared = np.minimum(best[2:4], found[:, 2:4]) - np.maximum(best[:2], found[:, :2])
        common = np.clip(shared, 0, None).prod(axis=1)
        areas = (found[:, 2:4] - found[:, :2]).prod(axis=1) + (best[2:4] - best[:2]).prod()
        found = found[common / np.maximum(areas - common, 1e-9) < OVERLAP]
    return np.array(kept).reshape(-1, 5)
