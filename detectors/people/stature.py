"""How large people are in this picture, and whether they are seen from the side or from above; learned by watching."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.tracks import BORDER, CONFIRM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from config.cameras import PersonSection
    from detectors.tracks import Track

SMALL = (0.25, 0.12)  # of the usual area, from above and from the side: a child still is, in the latter one far away
SHORT = 0.5  # of the height said for this place: a child, and one who stoops
SIDE = (1.5, 2.3)  # height over width: people from above are below the first, standing people beyond the second
STANDING = (0.9, 6.0)  # height over width of a person seen from the side: with a rod and stooping, or behind a post
HIGH = (0.06, 0.12)  # of the picture's height: the least of a person in a quiet scene and in a restless one
WAY = (1.2, 2.4)  # of its own size: how far someone came who is believed, in a quiet and in a restless scene
RESTLESS = (1.6, 3.2)  # things that appear and last, a second: a campus is below the first, waves beyond the second
MEMORY_S = 10.0  # for how restless the scene is
FORGET_S = 600.0  # half of what was learned
STEPS, WHOLE = 3, 0.12  # who moved so often has taken his looks along at this share of them at least: trees never do
SURE = 1.0  # of the picture's diagonal: so far people went until their shape is believed
LIKELY = 0.5  # and until it is likely
CUT = 0.1  # of its way counts while the picture cuts it off: half a person is wide and small
FINE = 4.0  # bins per octave of area, and bins per unit of height over width


class Stature:
    """Two histograms, weighted by how far each thing went: people go far, clutter and flicker never do.

    Sizes also by the area that went: a limb that is seen by itself goes as far as its owner.
    """

    def __init__(self, person: PersonSection | None = None) -> None:
        self._person = person
        self._areas = np.zeros(int(28 * FINE))  # up to 2 ** 28 pixels
        self._shapes = np.zeros(int(6 * FINE))
        self._shapes[int(np.mean(SIDE) * FINE)] = 1.0
        self._at: float | None = None
        self._size = np.zeros(2)
        self._watched = 1.0  # seconds, at most the memory; a second's grace, as everything is new at the start
        self._births = 0.0  # per second

    def observe(self, tracks: Sequence[Track], at: float, size: tuple[int, int]) -> None:
        """Learn from those who went somewhere in a picture of `size` (width, height)."""
        self._size = np.array(size, float)
        elapsed = 0.0 if self._at is None else at - self._at
        self._at = at
        born = sum(track.hits == CONFIRM and track.seen_at == at for track in tracks)
        if elapsed > 0:
            self._watched = min(self._watched + elapsed, MEMORY_S)
            share = elapsed / self._watched
            self._births += share * (born / elapsed - self._births)
        keep = 0.5 ** (elapsed / FORGET_S)
        self._areas *= keep
        self._shapes *= keep
        for track in tracks:
            if track.proven and not track.merged and not track.vehicle and track.seen_at == at:
                width, height = track.size
                area = max(float(width * height), 1.0)
                way = self._way(track)
                self._areas[min(int(np.log2(area) * FINE), len(self._areas) - 1)] += way * area
                self._shapes[min(int(height / max(width, 1.0) * FINE), len(self._shapes) - 1)] += way * area**0.5

    def _way(self, track: Track) -> float:
        """How far it went that was not yet learned from, in own sizes; while the picture cuts it, a little of it."""
        if bool((np.abs(track.box - np.array((0, 0, *self._size))) > BORDER).all()):
            way, track.learned = track.farthest - track.learned, track.farthest
        else:
            way = CUT * (track.farthest - max(track.learned, track.learned_cut))
            track.learned_cut = track.farthest
        return max(0.0, way)

    @property
    def area(self) -> float:
        """Usual area of a person's box, square pixels; 0 while nothing is known."""
        if not self._areas.any():
            return 0.0
        return float(2.0 ** ((_middle(self._areas) + 0.5) / FINE))

    @property
    def upright(self) -> float:
        """0: seen from above, 1: seen from the side."""
        return float(np.clip((self._shape - SIDE[0]) / (SIDE[1] - SIDE[0]), 0, 1))

    @property
    def figure(self) -> float | None:
        """Height over width of a person who is seen from the side; None from above, and while few went far."""
        return self._shape if self._went >= SURE and self.upright == 1.0 else None

    @property
    def hides(self) -> bool:
        """Whether people are likely seen from the side, where one hides another."""
        return self._went >= LIKELY and self.upright == 1.0

    @property
    def _went(self) -> float:
        """How far people went, in diagonals of the picture."""
        return float(self._shapes.sum() / max(float(np.linalg.norm(self._size)), 1.0))

    @property
    def _shape(self) -> float:
        return (_middle(self._shapes) + 0.5) / FINE

    def anchor(self, track: Track) -> NDArray[np.float64]:
        """Where a person is, x y: the foot of one who is seen from the side, the middle of one from above."""
        upright = self.upright
        point = (1 - upright) * track.centre + upright * track.foot
        return np.clip(point, 1.5, self._size - 1.5)  # a foot below the picture's edge stands on that edge

    def plausible(self, track: Track) -> bool:
        """Whether the track is no vehicle, and large enough by those seen so far and by what was said of this place."""
        if track.vehicle:
            return False
        least = SMALL[0] + self.upright * (SMALL[1] - SMALL[0])
        return track.area >= least * self.area and float(track.size[1]) >= SHORT * self.said(float(track.foot[1]))

    def said(self, y: float) -> float:
        """Return how high a person is whose feet are here, as configured; 0 where it is not."""
        person = self._person
        if person is None:
            return 0.0
        share = (y - person.y1) / (person.y2 - person.y1)
        return max(0.0, person.height1 + share * (person.height2 - person.height1))

    def stands(self, track: Track) -> bool:
        """Whether the track is a person beyond reasonable doubt: came a way, as a whole, is high enough, is upright."""
        restless = float(np.clip((self._births - RESTLESS[0]) / (RESTLESS[1] - RESTLESS[0]), 0, 1))
        way = WAY[0] + restless * (WAY[1] - WAY[0])
        high = HIGH[0] + restless * (HIGH[1] - HIGH[0])
        shaped = STANDING[0] <= track.shape <= STANDING[1] or (self.upright < 0.5 and not restless)
        tall = float(track.size[1]) >= high * float(self._size[1])
        whole = track.steps < STEPS or track.whole >= WHOLE * track.steps
        return whole and track.proven and track.steady >= way and tall and shaped and self.plausible(track)


def _middle(weights: NDArray[np.float64]) -> int:
    """Index of the weighted median."""
    total = np.cumsum(weights)
    return int((total < total[-1] / 2).sum())
