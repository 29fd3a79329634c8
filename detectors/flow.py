"""Count a crowd by how much of it flows across a line: the foreground that passed, divided by the size of a person."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from detectors.findings import Crossing
from detectors.ranks import median

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cv2.typing import MatLike
    from numpy.typing import NDArray

    from contracts.vocabulary import Direction
    from detectors.people.background import Foreground

DEPTH = 48  # pixels of the strip across the line: a runner stays in it for two pictures
GATE = 10  # pixels around the line whose flow is summed
EMPTY_S = 0.4  # nobody at the line for this long: a group has passed
SETTLE_S = 1.0  # the tracker may still count someone who is on the line
SINGLES = 5  # people who passed alone until the size of one is believed
MOST_SINGLES = 40
SPREAD = 0.3  # median deviation over median: beyond it people's sizes differ too much to divide by
DOUBT = 0.4  # of whom flow adds may be more; it may also be that the tracker had them all
SURPLUS = 1.0  # people that flow sees more than the tracker until it is believed within a group
CROWD = 3  # people: when so many have passed, the rest is rounded, for always rounding down would count too few


@dataclass(slots=True)
class _Group:
    """What passed since the line was last empty, for both sides: index 0 is the side of negative distance."""

    area: list[float]  # square pixels that flowed
    counted: list[int]  # by the tracker, and those added
    unmatched_since: float | None = None


class FlowCounter:
    """Foreground in, crossings that the tracker missed out. It learns from those who pass alone."""

    def __init__(
        self, line: str, ends: tuple[float, float, float, float], direction: Callable[[int], Direction]
    ) -> None:
        self._line = line
        self._ends = np.array(ends, np.float64)
        self._direction = direction
        self._before: MatLike | None = None
        self._singles: deque[float] = deque(maxlen=MOST_SINGLES)
        self._group: _Group | None = None
        self._busy_at = 0.0

    @property
    def person(self) -> float | None:
        """Area of one person as it flows across the line, square pixels; None while it is not known well enough."""
        if len(self._singles) < SINGLES:
            return None
        middle = median(self._singles)
        spread = median(np.abs(np.array(self._singles) - middle))
        return middle if spread <= SPREAD * middle else None

    def update(self, seen: Foreground, counted: Sequence[Crossing], at: float) -> list[Crossing]:
        """Take one picture's foreground and what the tracker counted in it; return who was missed."""
        grey, mask = self._strip(seen.grey, seen.scale), self._strip(seen.mask, seen.scale)
        before, self._before = self._before, grey
        if before is None or before.shape != grey.shape or not seen.usable:
            self._group = None
            return []
        gate: NDArray[np.bool_] = mask[DEPTH // 2 - GATE : DEPTH // 2 + GATE] > 127
        busy = bool(gate.mean(axis=1).max() * gate.shape[1] > 3)
        if busy:
            self._busy_at = at
            self._group = self._group or _Group([0.0, 0.0], [0, 0])
            self._flow(before, grey, gate, self._group)
        if self._group is None:
            return []
        for crossing in counted:
            self._group.counted[self._side(crossing.direction)] += crossing.count
        return self._settle(self._group, at)

    def _flow(self, before: MatLike, grey: MatLike, gate: NDArray[np.bool_], group: _Group) -> None:
        start = np.zeros((*grey.shape, 2), np.float32)
        # three rounds and a wide polynomial: else who walks fast, as people alone do, seems smaller than in a crowd
        moved = cv2.calcOpticalFlowFarneback(before, grey, start, 0.5, 3, 13, 3, 7, 1.5, 0).astype(np.float64)
        across: NDArray[np.float64] = moved[DEPTH // 2 - GATE : DEPTH // 2 + GATE, :, 1][gate] / (2 * GATE)
        group.area[0] += float(-across[across < 0].sum())
        group.area[1] += float(across[across > 0].sum())

    def _settle(self, group: _Group, at: float) -> list[Crossing]:
        passed = at - self._busy_at
        person = self.person
        over = passed > SETTLE_S
        least = SURPLUS / 2 if over and sum(group.counted) >= CROWD else SURPLUS
        found: list[Crossing] = []
        if person is not None:
            surplus = [group.area[side] / person - group.counted[side] for side in (0, 1)]
            side = int(np.argmax(surplus))
            if surplus[side] < least:
                group.unmatched_since = None
            elif group.unmatched_since is None and not over:
                group.unmatched_since = at
            elif over or passed > EMPTY_S or at - (group.unmatched_since or at) >= SETTLE_S:
                found.append(self._missed(group, side, int(surplus[side] + 1 - least), at))
        if over:
            self._group = None
            if sum(group.counted) == 1:
                self._singles.append(group.area[group.counted.index(1)])
        return found

    def _missed(self, group: _Group, side: int, people: int, at: float) -> Crossing:
        began = group.unmatched_since
        group.counted[side] += people
        group.unmatched_since = None
        when = min(self._busy_at, at if began is None else began)
        way = self._direction(1 if side else -1)
        return Crossing(self._line, way, when, people, low=0.0, high=(1 + DOUBT) * people, quality=0.5)

    def _side(self, direction: Direction) -> int:
        return int(direction == self._direction(1))

    def _strip(self, picture: MatLike, scale: float) -> MatLike:
        """Cut a strip along the line out of a picture, the line in its middle, its normal downwards."""
        x1, y1, x2, y2 = self._ends * scale
        length = max(8, round(float(np.hypot(x2 - x1, y2 - y1))))
        along = np.array((x2 - x1, y2 - y1)) / length
        normal = np.array((-along[1], along[0]))
        corner = np.array((x1, y1)) - normal * DEPTH / 2
        to_picture = np.column_stack((along, normal, corner))
        return cv2.warpAffine(picture, to_picture, (length, DEPTH), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
