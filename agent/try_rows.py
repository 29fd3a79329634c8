"""Rows of a recording in the order of time, and the samples a living agent would have had of them."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from agent.try_clock import DATED_S, FORMS, Clock, clock_of
from agent.try_columns import Column
from agent.try_table import Table, TableError, open_table
from drivers.samples import Reading, Sample, Tick

TICKS_S = (*range(1, 11), *range(15, 61, 5), *range(90, 601, 30))  # within a pause: every second where delays end
LONG_TICK_S = 300.0
FIRST_LINES = 20  # below the heading some write the units, or rows before the clock was set
WINDOW = 100  # rows that came late by less than so many are put where they belong
STRAYS = 5  # so many rows in a row that are older than the window: the clock was set back

Row = tuple[float, list[str]]


@dataclass(slots=True)
class Rows:
    """Rows of a CSV: (seconds since the first, UTC, readings). An empty cell is no reading.

    A recording that counts from nought has no time of day: then UTC is no number.
    """

    path: Path
    time: str
    columns: Sequence[Column]
    start: float = 0.0  # the first row by the recording's own clock
    left_out: int = 0  # rows without a time that can be read
    left_out_first: int = 0  # the line of the first of them

    def __iter__(self) -> Iterator[tuple[float, float, list[Reading]]]:
        """Read the file from its beginning."""
        self.left_out = self.left_out_first = 0
        with open_table(self.path, (self.time, *(column.name for column in self.columns))) as table:
            places = [(column, table.heading.index(column.name)) for column in self.columns]
            begun = False
            for moment, cells in in_order(self._timed(table)):
                self.start, begun = moment if not begun else self.start, True
                at, utc = moment - self.start, moment if self.start >= DATED_S else math.nan
                yield at, utc, [*_readings(places, cells, at, utc)]

    def _timed(self, table: Table) -> Iterator[Row]:
        """Yield (seconds, cells); some exports number their rows in a column without a heading."""
        place, width = table.heading.index(self.time), len(table.heading)
        shifted = ((line, row[len(row) == width + 1 :]) for line, row in table.rows)
        cells = ((line, row[place] if place < len(row) else "", row) for line, row in shifted)
        clock, first = self._clock([*islice(cells, FIRST_LINES)])
        for line, text, row in chain(first, cells):
            try:
                moment = clock(text)
            except (ValueError, OverflowError):
                self.left_out += 1
                self.left_out_first = self.left_out_first or line
            else:
                yield moment, row

    def _clock(self, first: list[tuple[int, str, list[str]]]) -> tuple[Clock, list[tuple[int, str, list[str]]]]:
        for _, text, _ in first:
            try:
                return clock_of(self.time, text), first
            except (ValueError, OverflowError):
                continue
        if not first:
            raise TableError(f"{self.path}: has a heading and no row below it")
        line, text, _ = first[0]
        raise TableError(f"{self.path}: line {line}: {text!r} in column {self.time!r} is no time: {FORMS}")


def _readings(places: Sequence[tuple[Column, int]], cells: list[str], at: float, utc: float) -> Iterator[Reading]:
    for column, place in places:
        if place < len(cells) and (reading := column.reading(cells[place], at, utc)) is not None:
            yield reading


def in_order(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield rows by time; one that is there twice, once. Where the clock was set back, time begins anew."""
    before: Row | None = None
    for row in _sorted(rows):
        if row != before:
            yield row
        before = row


def _sorted(rows: Iterable[Row]) -> Iterator[Row]:
    waiting: list[tuple[float, int, list[str]]] = []
    strays: deque[Row] = deque()
    for number, (moment, cells) in enumerate(rows):
        if len(waiting) >= WINDOW and moment < waiting[0][0]:
            strays.append((moment, cells))
            if len(strays) < STRAYS:
                continue
            yield from _emptied(waiting)
            yield from strays
        else:
            heapq.heappush(waiting, (moment, number, cells))
            if len(waiting) > WINDOW:
                earliest, _, its_cells = heapq.heappop(waiting)
                yield earliest, its_cells
        strays.clear()
    yield from _emptied(waiting)
    yield from strays


def _emptied(waiting: list[tuple[float, int, list[str]]]) -> Iterator[Row]:
    while waiting:
        moment, _, cells = heapq.heappop(waiting)
        yield moment, cells


def samples(table: Iterable[tuple[float, float, list[Reading]]]) -> Iterator[Sample]:
    """Yield the readings in time, with the ticks a living agent would have had between them."""
    before: tuple[float, float] | None = None
    for at, utc, readings in table:
        if before is not None:
            yield from _ticks(*before, at)
        yield from readings
        yield Tick(at, utc)
        before = (at, utc)


def _ticks(at: float, utc: float, until: float) -> Iterator[Tick]:
    pause = until - at
    for passed in TICKS_S:
        if passed >= pause:
            return
        yield Tick(at + passed, utc + passed)
    for turn in range(1, min(int((pause - TICKS_S[-1]) // LONG_TICK_S), 10_000) + 1):
        passed = TICKS_S[-1] + turn * LONG_TICK_S
        if passed < pause:
            yield Tick(at + passed, utc + passed)
