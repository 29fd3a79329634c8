"""Working stand-ins for the parts around the agent's own."""

from __future__ import annotations

import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from uuid_utils import uuid7

from agent.clock import Clock
from agent.faults import STORAGE, OwnFault
from agent.outbox import Outbox
from agent.stories import Stories
from config.agent import OutboxSection
from contracts.messages import Crossing, Event, Stamp
from contracts.vocabulary import Direction, Severity

STAMP = Stamp(at=datetime(2026, 11, 23, 14, 0, tzinfo=UTC), boot_id="boot-1", mono_s=100.0)


def event(
    point: str = "t1", *, active: bool = True, severity: Severity = Severity.CRITICAL, kind: str = "heat"
) -> Event:
    """An event without identity as yet."""
    return Event(
        id=str(uuid7()),
        epoch="unnumbered",
        seq=1,
        stamp=STAMP,
        point=point,
        kind=kind,
        active=active,
        severity=severity,
    )


def crossing(line: str = "exit-1") -> Crossing:
    """A crossing without identity as yet."""
    return Crossing(id=str(uuid7()), epoch="unnumbered", seq=1, stamp=STAMP, line=line, direction=Direction.LEFT)


def still_clock(*, wall_s: float = 1_795_000_000.0, synced: bool = True) -> Clock:
    """A clock that stands."""
    return Clock("boot-1", lambda: wall_s, lambda: 100.0, lambda: synced)


@contextmanager
def running_outbox(directory: Path, **settings: Any) -> Generator[Outbox]:
    """An outbox with its writer, as the supervisor would run it."""
    section = OutboxSection.model_validate({"directory": directory, "reserve_mb": 0, **settings})
    outbox = Outbox(section, OwnFault(STORAGE, still_clock()))
    outbox.open()
    stop = threading.Event()
    writer = threading.Thread(target=outbox.run, args=(lambda: None, stop), daemon=True)
    writer.start()
    try:
        yield outbox
    finally:
        stop.set()
        outbox.interrupt()
        writer.join(10)
        outbox.close()


def in_line(outbox: Outbox) -> list[tuple[str, int]]:
    """(epoch, seq) of what waits, in the order in which it would leave."""
    stories, keys = Stories(), list[tuple[str, int]]()
    stories.fill(outbox.stories(100_000, 100_000), {}, ())
    while told := stories.next(alarms_only=False):
        keys.append(told.key)
        stories.follow(told.point)
    return keys


def bodies(outbox: Outbox) -> list[Event | Crossing]:
    """What waits, in the order in which it would leave, without the outbox's words about itself."""
    kinds: Mapping[str, type[Event | Crossing]] = {"events": Event, "crossings": Crossing}
    found = [kinds[w.kind].model_validate_json(w.body) for w in outbox.bodies(in_line(outbox))]
    return [entry for entry in found if not (isinstance(entry, Event) and entry.point == STORAGE)]


def own_words(outbox: Outbox) -> list[tuple[bool, str]]:
    """(active, reason) of what the outbox says about itself."""
    found = [Event.model_validate_json(w.body) for w in outbox.bodies(in_line(outbox)) if w.kind == "events"]
    return [(entry.active, entry.reason) for entry in sorted(found, key=lambda e: e.id) if entry.point == STORAGE]
