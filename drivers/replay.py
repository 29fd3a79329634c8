"""A recording (CSV) played as if it were live."""

from __future__ import annotations

import csv
import logging
import math
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from config.buses import ReplayBus, ReplayPoint
from drivers.errors import DriverError
from drivers.samples import Reading, Sample, Silence
from drivers.values import value_of

log = logging.getLogger(__name__)
WAIT_S = 0.5


class ReplayDriver:
    """Plays a CSV file at `speed` times its own pace, `inf` for as fast as it can be read.

    `at` is the recording's own seconds, so rules behave as they would have; `utc` is the recording's time where it
    is a date, else counted from the start of the play. At the end reads return [] and `done` is true.
    """

    interval_s = 0.0

    def __init__(self, bus: ReplayBus) -> None:
        self.name = bus.name
        self.done = False
        self._bus = bus
        self._rows: Iterator[tuple[float, list[Sample]]] | None = None
        self._waiting: tuple[float, list[Sample]] | None = None
        self._start: tuple[float, float] | None = None  # machine's clock and recording's clock at the first row
        self._closed = threading.Event()

    def __enter__(self) -> Self:
        """Open the file at its beginning."""
        self._closed.clear()
        self.done = False
        self._start = None
        self._waiting = None
        self._rows = recording(self._bus)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()

    def read(self) -> Sequence[Sample]:
        """Return the rows that are due."""
        samples: list[Sample] = []
        until = time.monotonic() + WAIT_S
        while not self._closed.is_set():
            row = self._waiting or self._next()
            if row is None:
                self.done = True
                if not samples:
                    self._closed.wait(WAIT_S)
                break
            self._waiting = row
            clock = time.monotonic()
            if self._start is None:
                self._start = (clock, row[0])
            due = self._start[0] + (row[0] - self._start[1]) / self._bus.speed
            if due > clock:
                if samples or clock >= until:
                    break
                self._closed.wait(min(due, until) - clock)
                continue
            samples += row[1]
            self._waiting = None
            if len(samples) >= 1000:
                break
        return samples

    def close(self) -> None:
        """Stop playing."""
        self._closed.set()
        self._rows = None

    def _next(self) -> tuple[float, list[Sample]] | None:
        return next(self._rows, None) if self._rows is not None else None


def recording(bus: ReplayBus) -> Iterator[tuple[float, list[Sample]]]:
    """Give each row of the recording: its seconds and its samples. Rows without a usable time are left out.

    Raise DriverError at once for a file or a column that is not there.
    """
    try:
        file = bus.file.open(encoding="utf-8-sig", errors="replace", newline="")
    except OSError as e:
        raise DriverError(f"{bus.name}: {bus.file} cannot be read: {e.strerror}") from e
    reader = csv.reader(line.replace("\0", "") for line in file)
    try:
        header = [name.strip() for name in next(reader, list[str]())]
    except csv.Error as e:
        file.close()
        raise DriverError(f"{bus.name}: {bus.file} is not CSV: {e}") from e
    for column in (bus.time_column, *(point.column for point in bus.point)):
        if column not in header:
            file.close()
            raise DriverError(f"{bus.name}: {bus.file} has no column {column!r}: it has {', '.join(header)[:200]}")
    places = [(point, header.index(point.column)) for point in bus.point]

    def rows() -> Iterator[tuple[float, list[Sample]]]:
        with file:
            last, skipped, started = -math.inf, 0, time.time()
            first: float | None = None
            try:
                for row in reader:
                    moment = _moment(row, header.index(bus.time_column))
                    if moment is None or moment < last:
                        skipped += 1
                        continue
                    last = moment
                    first = moment if first is None else first
                    utc = moment if moment > 1e8 else started + moment - first
                    yield moment, [_sample(point, row, place, moment, utc) for point, place in places]
            except csv.Error as e:
                raise DriverError(f"{bus.name}: {bus.file} is not CSV in line {reader.line_num}: {e}") from e
        if skipped:
            log.warning("%s: %d rows of %s had no time or went back in time: left out", bus.name, skipped, bus.file)

    return rows()


def _moment(row: list[str], place: int) -> float | None:
    """Return seconds: the number in the cell, or seconds since 1970 of a date (UTC where it names no zone)."""
    text = row[place].strip() if place < len(row) else ""
    try:
        number = float(text)
    except ValueError:
        try:
            date = datetime.fromisoformat(text)
        except ValueError:
            return None
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    return number if math.isfinite(number) else None


def _sample(point: ReplayPoint, row: list[str], place: int, at: float, utc: float) -> Sample:
    text = row[place].strip() if place < len(row) else ""
    if not text:
        return Silence(point.id, "missing", at, utc)
    value = value_of(point.kind, text)
    return Silence(point.id, "not-a-number", at, utc) if value is None else Reading(point.id, value, at, utc)
