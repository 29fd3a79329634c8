"""The few things a GPIO driver asks of the kernel, by gpiod or by a working fake."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from config.contacts import GpioBus
from drivers.errors import DriverError, device_cause_of, reason_of

if TYPE_CHECKING:
    from gpiod.line_request import LineRequest

BUFFER = 1024
"""Edges the kernel holds for us between two reads (its own default is 16 a line)."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A line changed: `active` counts the configured inversion in; `at` is the kernel's monotonic stamp, seconds."""

    line: int
    active: bool
    at: float
    number: int  # counts this line's edges without gaps, so that a lost one shows


class ContactLines(Protocol):
    """Some lines of one chip."""

    def open(self) -> Mapping[int, bool]:
        """Take the lines and return their levels; raise DriverError when that cannot be."""
        ...

    def wait(self, timeout_s: float) -> Sequence[Edge]:
        """Return the edges since the last call, in order, [] after the time-out."""
        ...

    def levels(self) -> Mapping[int, bool]:
        """Return the levels now."""
        ...

    def close(self) -> None:
        """Give the lines back."""
        ...


class KernelLines:
    """Lines of a real chip: both edges, with the kernel's time stamps and debounce."""

    def __init__(self, bus: GpioBus) -> None:
        self._bus = bus
        self._request: LineRequest | None = None

    def open(self) -> Mapping[int, bool]:
        """Take the lines."""
        import gpiod  # noqa: PLC0415 - hardware libraries load when a driver is made
        from gpiod.line import Bias, Direction  # noqa: PLC0415
        from gpiod.line import Edge as Edges  # noqa: PLC0415

        bias = {"pull-up": Bias.PULL_UP, "pull-down": Bias.PULL_DOWN, "none": Bias.DISABLED, "as-is": Bias.AS_IS}
        settings: dict[Iterable[int | str] | int | str, gpiod.LineSettings | None] = {
            point.line: gpiod.LineSettings(
                direction=Direction.INPUT,
                edge_detection=Edges.BOTH,
                bias=bias[point.bias],
                active_low=point.inverted,
                debounce_period=timedelta(seconds=self._bus.debounce_s),
            )
            for point in self._bus.point
        }
        try:
            self._request = gpiod.request_lines(
                str(self._bus.chip), settings, consumer="campus-agent", event_buffer_size=BUFFER
            )
        except (OSError, ValueError) as e:
            raise DriverError(f"{self._bus.name}: {self._bus.chip}: {device_cause_of(e)}", reason_of(e)) from e
        return self.levels()

    def wait(self, timeout_s: float) -> Sequence[Edge]:
        """Return the edges since the last call."""
        request = self._taken()
        from gpiod import EdgeEvent  # noqa: PLC0415

        try:
            if not request.wait_edge_events(timeout_s):
                return []
            events = request.read_edge_events()
        except (OSError, ValueError) as e:
            raise self._lost(e) from e
        rising = EdgeEvent.Type.RISING_EDGE  # rising to active: the kernel counts the inversion in
        return [Edge(e.line_offset, e.event_type is rising, e.timestamp_ns / 1e9, e.line_seqno) for e in events]

    def levels(self) -> Mapping[int, bool]:
        """Return the levels now."""
        from gpiod.line import Value  # noqa: PLC0415

        lines = [point.line for point in self._bus.point]
        try:
            values = self._taken().get_values(lines)
        except (OSError, ValueError) as e:
            raise self._lost(e) from e
        return {line: value is Value.ACTIVE for line, value in zip(lines, values, strict=True)}

    def close(self) -> None:
        """Give the lines back."""
        if self._request is not None:
            request, self._request = self._request, None
            request.release()

    def _lost(self, error: Exception) -> DriverError:
        text = f"{self._bus.name}: {self._bus.chip} is lost: {device_cause_of(error)}"
        return DriverError(text, reason_of(error, "unplugged"))

    def _taken(self) -> LineRequest:
        if self._request is None:
            raise DriverError(f"{self._bus.name}: {self._bus.chip} is closed")
        return self._request


class FakeLines:
    """Lines without a chip that behave like the kernel's: bounded buffer, numbered edges, both edges told."""

    def __init__(self, lines: Iterable[int]) -> None:
        self._levels = dict.fromkeys(lines, False)
        self._numbers = dict.fromkeys(self._levels, 0)
        self._edges: deque[Edge] = deque(maxlen=BUFFER)
        self._news = threading.Condition()
        self._open = False
        self.broken = False
        """Set it to pull the chip out."""

    def set(self, line: int, *, active: bool, at: float | None = None) -> None:
        """Change a line's level, as the world outside does."""
        with self._news:
            if self._levels[line] is active:
                return
            self._levels[line] = active
            if self._open:
                self._numbers[line] += 1
                self._edges.append(Edge(line, active, time.monotonic() if at is None else at, self._numbers[line]))
                self._news.notify_all()

    def open(self) -> Mapping[int, bool]:
        """Take the lines."""
        self._check()
        with self._news:
            self._open = True
            self._edges.clear()
            self._numbers = dict.fromkeys(self._levels, 0)
            return dict(self._levels)

    def wait(self, timeout_s: float) -> Sequence[Edge]:
        """Return the edges since the last call."""
        with self._news:
            self._news.wait_for(lambda: self._edges or self.broken or not self._open, timeout_s)
            self._check()
            edges = list(self._edges)
            self._edges.clear()
            return edges

    def levels(self) -> Mapping[int, bool]:
        """Return the levels now."""
        self._check()
        with self._news:
            return dict(self._levels)

    def close(self) -> None:
        """Give the lines back."""
        with self._news:
            self._open = False
            self._news.notify_all()

    def _check(self) -> None:
        if self.broken:
            raise DriverError("fake chip: pulled out", "unplugged")
