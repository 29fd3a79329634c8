"""Findings: what detectors report. The agent gives them an identity and stores them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from contracts.vocabulary import Direction, Severity
from drivers.samples import Value


@dataclass(frozen=True, slots=True)
class Event:
    """A hazard (or a fault) began or ended at a point. The first state a detector settles on is reported too."""

    point: str
    kind: str  # a contracts.vocabulary.Hazard
    active: bool
    severity: Severity
    reason: str  # machine word: 'fixed-limit', 'rate-of-rise', 'range', 'stuck', 'normal', …
    at: float  # monotonic seconds
    value: Value | None = None
    detail: Mapping[str, Value | None] = field(default_factory=dict[str, Value | None])


@dataclass(frozen=True, slots=True)
class Crossing:
    """People crossed a line at an instant."""

    line: str
    direction: Direction
    at: float  # monotonic seconds
    count: int = 1
    low: float | None = None
    high: float | None = None
    quality: float = 1.0


Finding = Event | Crossing
