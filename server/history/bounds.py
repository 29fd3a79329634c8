"""How sure a count is: its bounds and its quality, kept as courses of their own beside the count's.

Their names hold a sign that no point's id may hold, so every store keeps them as it keeps any point.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from server.history.latest import Key, Latest
from server.history.series import Column, Sample, Series
from server.ingest.decode import Measured

PARTS = ("low", "high", "quality")
LATELY = timedelta(minutes=2)  # counts come every ten seconds


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an estimate lies between, and how far it can be believed, 0..1."""

    low: float
    high: float
    quality: float


def beside(key: Key, part: str) -> Key:
    """Return the name under which one part of a count's bounds is kept."""
    site, agent, point = key
    return site, agent, f"{point}#{part}"


def samples_beside(key: Key, at: datetime, one: Measured) -> list[Sample]:
    """Return the bounds that came with a reading as samples of their own; none where it is no estimate."""
    parts = ((part, one.get(part)) for part in PARTS)
    return [
        Sample(beside(key, part), at, float(value))
        for part, value in parts
        if value is not None and math.isfinite(value)
    ]


def newest(latest: Latest, key: Key) -> Bounds | None:
    """Return the newest bounds of a point, where it has any."""
    found = [latest.get(beside(key, part)) for part in PARTS]
    values = [one.value for one in found if one is not None and isinstance(one.value, float)]
    return Bounds(*values) if len(values) == len(PARTS) else None


def last(series: Series, key: Key, end: datetime) -> tuple[float, Bounds] | None:
    """Return the last count before `end` with its bounds; None where there was none lately."""
    values: list[float] = []
    for one in (key, *(beside(key, part) for part in PARTS)):
        kept = [value for _, value in series.read(one, end - LATELY, end, 1_000) if isinstance(value, float)]
        if not kept:
            return None
        values.append(kept[-1])
    return values[0], Bounds(*values[1:])


def band(series: Series, key: Key, begin: datetime, end: datetime, step: timedelta) -> Sequence[Column]:
    """Return between what the count lay in each step, where that is known."""
    lows, highs = (series.columns(beside(key, part), begin, end, step) for part in ("low", "high"))
    most = {column: value for column, _, value in highs}
    return [(column, value, most[column]) for column, value, _ in lows if column in most]
