"""One line of a benchmark's table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """What was tried, what came out, what was wanted."""

    name: str
    measured: str
    goal: str
    figures: Mapping[str, float]
