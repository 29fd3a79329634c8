"""Made-up values, for trying the system out without any device."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from config.buses import SimulatedBus, SimulatedPoint
from drivers.now import now
from drivers.samples import Reading, Sample, Value
from drivers.values import BITS


class SimulatedDriver:
    """A sine wave of `middle` ± `swing` a point; a bit kind is on while its wave is above the middle."""

    done = False

    def __init__(self, bus: SimulatedBus) -> None:
        self.name = bus.name
        self.interval_s = bus.interval_s
        self._points = bus.point

    def __enter__(self) -> Self:
        """Nothing to open."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""

    def read(self) -> Sequence[Sample]:
        """Return one value a point."""
        at, utc = now()
        return [Reading(point.id, wave(point, at), at, utc) for point in self._points]

    def close(self) -> None:
        """Nothing to close."""


def wave(point: SimulatedPoint, at: float) -> Value:
    """Return the point's made-up value at an instant."""
    height = point.swing * math.sin(math.tau * at / point.period_s)
    return height > 0 if point.kind in BITS else round(point.middle + height, 3)
