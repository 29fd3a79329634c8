"""The agent's own faults as events: its storage, its workers, its clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from uuid_utils import uuid7

from agent.clock import Clock
from config.points import STORAGE
from contracts.messages import Event, Point, Value
from contracts.vocabulary import Hazard, Severity

OWN_POINTS = (Point(id=STORAGE, name="采集器存储", kind="agent"),)
"""Points that every agent has besides those of its configuration."""

UNNUMBERED_EPOCH = "unnumbered"
"""Stands where the outbox will put its epoch."""


@dataclass(frozen=True, slots=True)
class OwnFault:
    """Makes the events of one of the agent's own points."""

    point: str
    clock: Clock

    def __call__(self, *, active: bool, reason: str, detail: Mapping[str, Value]) -> Event:
        return Event(
            id=str(uuid7()),
            epoch=UNNUMBERED_EPOCH,
            seq=1,
            stamp=self.clock.now(),
            point=self.point,
            kind=Hazard.FAULT,
            active=active,
            severity=Severity.FAULT,
            reason=reason,
            detail=dict(detail),
        )
