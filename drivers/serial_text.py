"""Lines of text over a serial port."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from config.buses import SerialTextBus
from drivers.lines import LineCutter
from drivers.links import Link, SerialLink
from drivers.now import now
from drivers.samples import Reading, Sample, Silence
from drivers.text_formats import Fields, Unreadable, lookup, read_line
from drivers.values import value_of

log = logging.getLogger(__name__)
CALM = 20
"""Readable lines in a row after which it is worth saying, and the next bad one is again."""


class SerialTextDriver:
    """A device that prints lines by itself; each point is a key of them, in the unit the device prints.

    A point without a value for `timeout_s` is a Silence: 'timeout' when nothing came, 'garbage' or 'checksum' when
    what came could not be read (a wrong baud rate reads as garbage), 'not-a-number' when it said something else.
    """

    interval_s = 0.0
    done = False

    def __init__(self, bus: SerialTextBus, link: Link | None = None) -> None:
        self.name = bus.name
        self._bus = bus
        self._link = link or SerialLink(bus.name, bus.port, bus.baud)
        self._pattern = re.compile(bus.pattern) if bus.pattern else None
        self._cutter = LineCutter()
        self._last_good: dict[str, float] = {}
        self._trouble = "timeout"
        self._good = CALM + 1  # readable lines since the last that was not

    def __enter__(self) -> Self:
        """Open the port."""
        self._link.open()
        self._cutter = LineCutter()
        at, _ = now()
        self._last_good = {point.id: at for point in self._bus.point}
        self._trouble = "timeout"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the port."""
        self.close()

    def read(self) -> Sequence[Sample]:
        """Wait up to a second for lines; return what they say."""
        data = self._link.receive(min(1.0, self._bus.timeout_s))
        at, utc = now()
        samples: list[Sample] = []
        dropped = self._cutter.dropped
        for line in self._cutter.feed(data):
            match read_line(line, self._bus.format, self._pattern):
                case Fields() as fields:
                    samples += self._values(fields, at, utc)
                case Unreadable(reason):
                    self._cannot_read(reason)
        if self._cutter.dropped > dropped:
            self._cannot_read("garbage")
        return samples + self._silences(at, utc)

    def close(self) -> None:
        """Close the port; a blocked `read` ends."""
        self._link.close()

    def _values(self, fields: Fields, at: float, utc: float) -> list[Sample]:
        samples: list[Sample] = []
        for point in self._bus.point:
            said = lookup(fields, point.key)
            if said is None:
                continue
            value = value_of(point.kind, said)
            if value is None:
                samples.append(Silence(point.id, "not-a-number", at, utc))
            else:
                samples.append(Reading(point.id, value, at, utc))
            self._last_good[point.id] = at
        if samples:
            self._trouble = "timeout"
            self._good += 1
            if self._good == CALM:
                log.info("%s: lines can be read again", self.name)
        return samples

    def _silences(self, at: float, utc: float) -> list[Sample]:
        late = [point.id for point in self._bus.point if at - self._last_good[point.id] >= self._bus.timeout_s]
        for point in late:
            self._last_good[point] = at
        return [Silence(point, self._trouble, at, utc) for point in late]

    def _cannot_read(self, reason: str) -> None:
        self._trouble = reason
        if self._good >= CALM:
            log.warning("%s: a line cannot be read (%s): check baud rate and format", self.name, reason)
        self._good = 0
