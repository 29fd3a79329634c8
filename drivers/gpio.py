"""Contacts wired to the machine's own pins: door reeds, leak pads, relays."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from config.contacts import GpioBus, GpioPoint
from drivers.contact_lines import ContactLines, Edge, KernelLines
from drivers.now import now
from drivers.samples import Reading, Sample

log = logging.getLogger(__name__)


class GpioDriver:
    """Every edge is a Reading (bool) with the kernel's time: a pulse gives two, however short after debounce.

    Levels are told when the chip is opened, every `repeat_s`, and when the kernel had to drop edges.
    """

    interval_s = 0.0
    done = False

    def __init__(self, bus: GpioBus, lines: ContactLines | None = None) -> None:
        self.name = bus.name
        self._lines = lines or KernelLines(bus)
        self._repeat_s = bus.repeat_s
        self._points: Mapping[int, GpioPoint] = {point.line: point for point in bus.point}
        self._numbers: dict[int, int] = {}
        self._fresh: Mapping[int, bool] | None = None  # levels to tell
        self._due = 0.0  # monotonic seconds

    def __enter__(self) -> Self:
        """Take the lines and read their levels."""
        self._fresh = self._lines.open()
        self._numbers.clear()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the lines back."""
        self.close()

    def read(self) -> Sequence[Sample]:
        """Wait up to a fifth of a second for edges; return them, or the levels when they are due."""
        if self._fresh is not None:
            samples, self._fresh = self._told(self._fresh), None
            self._due = time.monotonic() + self._repeat_s
            return samples
        edges = self._lines.wait(0.2)
        losses = [edge for edge in edges if self._is_after_a_loss(edge)]
        if losses or (not edges and time.monotonic() >= self._due):
            self._fresh = self._lines.levels()
        behind = time.time() - time.monotonic()
        return [Reading(self._points[edge.line].id, edge.active, edge.at, edge.at + behind) for edge in edges]

    def close(self) -> None:
        """Give the lines back; a waiting `read` ends."""
        self._lines.close()

    def _told(self, levels: Mapping[int, bool]) -> list[Sample]:
        at, utc = now()
        return [Reading(self._points[line].id, active, at, utc) for line, active in levels.items()]

    def _is_after_a_loss(self, edge: Edge) -> bool:
        """Count the line's edges; return whether the kernel dropped some before this one."""
        missing = edge.number - self._numbers.get(edge.line, 0) - 1
        self._numbers[edge.line] = edge.number
        if missing > 0:
            log.warning("%s: line %d: %d edges came too fast and are lost", self.name, edge.line, missing)
        return missing > 0
