"""Follow boxes from picture to picture: greedy, with constant velocity, and bounded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detectors.people import Boxes

    Vector = NDArray[np.float64]

CONFIRM = 3  # pictures until a track is believed
COAST_S = 1.5  # a person behind a lamp post is waited for this long
TRAVEL = 0.7  # of its own size: who went this far is someone
JUMP = 0.5  # of the logarithm of the area: blobs that join or part do not travel
BORDER = 3.0  # pixels
MOVES, BLOCKS = 3, 0.6  # so many outlines tell whether it is a vehicle, and so many of them are blocks if it is
MOST = 200  # tracks at once; the oldest unseen ones give way


@dataclass(slots=True, eq=False)
class Track:
    """One person as far as can be told."""

    id: int
    box: Vector  # (4,), x1 y1 x2 y2, pixels
    first_at: float
    seen_at: float  # last picture that showed it
    at: float  # last picture
    speed: Vector = field(default_factory=lambda: np.zeros(2, np.float64))  # pixels a second
    hits: int = 1
    merged: bool = False  # shares its blob with others
    since: Vector = field(default_factory=lambda: np.zeros(4))  # box from which its way is measured
    farthest: float = 0.0  # from there, in own sizes
    ways: tuple[float, ...] = ()  # the last five distances from there, in own sizes
    kept: float = 0.0  # the farthest that it kept for five pictures: one leap of a flickering blob is no way
    turned: Vector = field(default_factory=lambda: np.zeros(4))  # its box there
    back: tuple[float, ...] = ()  # the last five distances from that one
    steady: float = 0.0  # from one end of its way to the other, kept for five pictures, in own sizes
    area: float = 0.0  # of the box, smoothed, square pixels
    shape: float = 0.0  # height over width, smoothed
    learned: float = 0.0  # how much of `farthest` has been learned from
    learned_cut: float = 0.0  # the same, while the picture cut it off
    steps: int = 0  # how often it was looked whether it took its looks along when it moved
    whole: int = 0  # and did
    moves: int = 0  # how often its outline was compared after it moved
    blocks: int = 0  # and was the same full block

    @property
    def confirmed(self) -> bool:
        """Whether it was seen often enough to be believed."""
        return self.hits >= CONFIRM

    @property
    def proven(self) -> bool:
        """Whether it went somewhere, as people do and leaves, ghosts and reflections do not."""
        return self.confirmed and self.farthest >= TRAVEL

    @property
    def vehicle(self) -> bool:
        """Whether it moves as cars do: a block that stays as it is."""
        return self.moves >= MOVES and self.blocks >= BLOCKS * self.moves

    @property
    def size(self) -> Vector:
        """Width and height, pixels."""
        return self.box[2:] - self.box[:2]

    @property
    def centre(self) -> Vector:
        """Middle of the box, x y."""
        return (self.box[:2] + self.box[2:]) / 2

    @property
    def foot(self) -> Vector:
        """Middle of the lower edge, x y."""
        return np.array(((self.box[0] + self.box[2]) / 2, self.box[3]), np.float64)


class Tracker:
    """Boxes in, tracks out. Ids are never used twice."""

    def __init__(self) -> None:
        self.tracks: list[Track] = []
        self._next = 1
        self._at: float | None = None
        self._borders = np.zeros(4)

    def update(self, boxes: Boxes, at: float, size: tuple[int, int], *, hidden: bool = False) -> Sequence[Track]:
        """Take the boxes of one picture of `size` (width, height); return all living tracks.

        `hidden`: people hide one another here, as they do seen from the side. Who is hidden stays within the blob.
        """
        self._borders = np.array((0, 0, size[0], size[1]), float)
        elapsed = 0.0 if self._at is None else max(0.0, at - self._at)
        self._at = at
        for track in self.tracks:
            track.box = track.box + np.tile(track.speed * elapsed, 2)
            track.at = at
        free = set(range(len(boxes)))
        lost = set(range(len(self.tracks)))
        for i, j in self._pairs(boxes):
            if i in lost and j in free:
                lost.discard(i)
                free.discard(j)
                self._see(self.tracks[i], boxes[j], at, elapsed)
        self._share(boxes, lost, at, hidden=hidden)
        for j in sorted(free):
            self.tracks.append(_born(self._next, boxes[j], at))
            self._next += 1
        self.tracks = [t for t in self.tracks if at - t.seen_at <= (COAST_S if t.confirmed else COAST_S / 3)]
        self.tracks = sorted(self.tracks, key=lambda t: t.seen_at)[-MOST:]
        return self.tracks

    def clear(self) -> None:
        """Forget everyone: the picture is another."""
        self.tracks = []

    def _pairs(self, boxes: Boxes) -> list[tuple[int, int]]:
        """Candidate pairs (track, box), best first."""
        if not self.tracks or not len(boxes):
            return []
        old = np.stack([t.box for t in self.tracks])
        cost = distance(old, boxes)
        cost += np.array([[0.0 if t.confirmed else 0.3] for t in self.tracks])
        rows, columns = np.nonzero(cost < 1.3)
        order = np.argsort(cost[rows, columns], kind="stable")
        return [(int(rows[k]), int(columns[k])) for k in order]

    def _see(self, track: Track, box: Vector, at: float, elapsed: float) -> None:
        if elapsed > 0:
            shift = (box[:2] + box[2:] - track.box[:2] - track.box[2:]) / 2
            since = max(elapsed, at - track.seen_at)
            gain = 0.5 if track.hits > 2 else 1.0
            track.speed = (track.speed + gain * shift / since).astype(np.float64)
        before = track.size.prod()
        track.box = box.copy()
        track.seen_at = at
        track.hits += 1
        track.merged = False
        extent = float(np.sqrt(max(track.size.prod(), 1.0)))
        inside = bool((np.abs(track.box - self._borders) > BORDER).all())
        if inside and abs(np.log(max(track.size.prod(), 1.0) / max(before, 1.0))) > JUMP:
            track.since = track.turned = track.box.copy()
            track.kept, track.back = 0.0, ()
        track.area += 0.2 * (float(track.size.prod()) - track.area)
        track.shape += 0.2 * (_shape(track.size) - track.shape)
        track.ways = (*track.ways[-4:], self._way(track.since, track.box) / extent)
        track.farthest = max(track.farthest, track.ways[-1])
        if len(track.ways) == 5 and min(track.ways) > track.kept:
            track.kept, track.turned, track.back = min(track.ways), track.box.copy(), ()
        else:
            track.back = (*track.back[-4:], self._way(track.turned, track.box) / extent)
        track.steady = max(track.steady, track.kept, min(track.back) if len(track.back) == 5 else 0.0)

    def _way(self, begin: Vector, end: Vector) -> float:
        return float(np.hypot(*way(begin, end, self._borders)))

    def _share(self, boxes: Boxes, lost: set[int], at: float, *, hidden: bool) -> None:
        """Two people whose blobs became one are both still there: keep the second within the common blob."""
        for i in sorted(lost):
            track = self.tracks[i]
            if not track.proven or not len(boxes):
                continue
            inside = np.minimum(boxes[:, 2:], track.box[2:]) - np.maximum(boxes[:, :2], track.box[:2])
            covered = np.clip(inside, 0, None).prod(axis=1) / max(float(track.size.prod()), 1.0)
            best = int(covered.argmax())
            blob = float((boxes[best, 2:] - boxes[best, :2]).prod())
            if covered[best] > 0.6 and track.area > 0.15 * blob:
                track.seen_at = at
                track.merged = True
                if hidden:
                    track.box = _held(track.box, boxes[best])
                lost.discard(i)


def way(begin: Vector, end: Vector, borders: Vector, near: float = BORDER) -> Vector:
    """Return the way from one box to the other, x y, by those edges that the picture's borders do not cut."""
    free = (np.abs(end - borders) > near) & (np.abs(begin - borders) > near)
    moved = end - begin
    x, y = (moved[axis::2][free[axis::2]] for axis in (0, 1))
    return np.array((x.mean() if len(x) else 0.0, y.mean() if len(y) else 0.0))


def distance(a: Boxes, b: Boxes) -> NDArray[np.float64]:
    """(len(a), len(b)): distance of centres in units of the mean size, plus how much the sizes differ."""
    centres = ((a[:, None, :2] + a[:, None, 2:]) - (b[None, :, :2] + b[None, :, 2:])) / 2
    size_a = np.sqrt(np.maximum((a[:, 2:] - a[:, :2]).prod(axis=1), 1.0))[:, None]
    size_b = np.sqrt(np.maximum((b[:, 2:] - b[:, :2]).prod(axis=1), 1.0))[None, :]
    apart = np.hypot(centres[..., 0], centres[..., 1]) / ((size_a + size_b) / 2)
    differ = np.abs(np.log(size_a / size_b))
    return (apart + 0.5 * differ).astype(np.float64)


def _held(box: Vector, blob: Vector) -> Vector:
    """Move a box no farther than into the blob it shares: who is in it does not leave it unseen."""
    low, high = np.clip(blob[:2] - box[:2], 0, None), np.clip(box[2:] - blob[2:], 0, None)
    shift = np.where((low > 0) & (high > 0), 0.0, low - high)
    return box + np.tile(shift, 2)


def _born(number: int, box: Vector, at: float) -> Track:
    size = box[2:] - box[:2]
    return Track(
        number, box.copy(), at, at, at, since=box.copy(), turned=box.copy(), area=float(size.prod()), shape=_shape(size)
    )


def _shape(size: Vector) -> float:
    return float(size[1] / max(size[0], 1.0))
