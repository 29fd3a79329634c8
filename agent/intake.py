"""Findings become events: an identity, the times by this machine's clocks, into the outbox and to the local outputs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from uuid_utils import uuid7

from agent.clock import Clock
from agent.faults import UNNUMBERED_EPOCH
from agent.outbox import Outbox
from contracts import messages
from detectors.findings import Crossing, Event, Finding
from drivers.samples import Reading

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Instant:
    """One instant by a sample's time line and by this machine's clocks."""

    at: float  # the sample's own seconds
    mono_s: float
    utc_s: float


def ignore(reading: Reading, now: Instant) -> None:
    """Nobody wants readings."""
    del reading, now


@dataclass(frozen=True, slots=True)
class Intake:
    """Where all findings of the agent come together. Any thread may call it."""

    outbox: Outbox
    clock: Clock
    units: Mapping[str, str]
    """Unit of each point."""
    heard: tuple[Callable[[Finding, Instant], None], ...] = ()
    """Told of every finding at once, before the disk: the local outputs, the zones."""
    read: Callable[[Reading, Instant], None] = ignore
    """Told of every reading: the zones."""

    def take(self, finding: Finding, now: Instant) -> str:
        """Accept a finding, seen when the sample of `now` was taken in; return its id on the wire."""
        with ExitStack() as told:  # last in, first out; one that fails keeps it from nobody else
            ago = max(0.0, now.at - finding.at)
            message = self._message(finding, self.clock.stamp(now.mono_s - ago, now.utc_s - ago))
            told.callback(self.outbox.submit, message)
            for hear in reversed(self.heard):
                told.callback(hear, finding, now)
        return message.id

    def _message(self, finding: Finding, stamp: messages.Stamp) -> messages.Event | messages.Crossing:
        match finding:
            case Event():
                return messages.Event(
                    id=str(uuid7()),
                    epoch=UNNUMBERED_EPOCH,
                    seq=1,
                    stamp=stamp,
                    point=finding.point,
                    kind=finding.kind,
                    active=finding.active,
                    severity=finding.severity,
                    reason=finding.reason[:80],
                    value=finding.value,
                    unit=self.units.get(finding.point, ""),
                    detail=dict(finding.detail),
                )
            case Crossing():
                return messages.Crossing(
                    id=str(uuid7()),
                    epoch=UNNUMBERED_EPOCH,
                    seq=1,
                    stamp=stamp,
                    line=finding.line,
                    direction=finding.direction,
                    count=finding.count,
                    low=finding.low,
                    high=finding.high,
                    quality=finding.quality,
                )
