"""The chain from sensor to page as the strip on every page shows it: four links, each with its age."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from server.presence.liveness import Link
from server.presence.presence import Presence
from server.writer import Writer

LEDGER_LATE_S, LEDGER_LOST_S = 5.0, 10.0
BROKER_LATE_S, BROKER_LOST_S = 6.0, 12.0
LEAST_FREE_MB = 64.0

State = Literal["ok", "late", "lost"]


@dataclass(frozen=True, slots=True)
class Part:
    """One link of the chain. `word` says what is wrong, for the catalogues; empty when nothing is."""

    state: State
    age_s: float | None
    word: str = ""
    names: Sequence[str] = ()
    n: int = 0

    def as_json(self) -> dict[str, Any]:
        age_s = None if self.age_s is None else round(self.age_s, 1)
        return {"state": self.state, "age_s": age_s, "word": self.word, "names": list(self.names), "n": self.n}


def sensors_part(presence: Presence) -> Part:
    """Judge by the faults that stand at points, and by agents nobody hears."""
    age_s = max((view.oldest_point_s for view in presence.views if view.oldest_point_s is not None), default=None)
    blind = [view.name for view in presence.views if view.link in (Link.LOST, Link.STOPPED)]
    faults = presence.point_faults
    if blind:
        return Part("lost", age_s, "blind", blind)
    if faults:
        return Part("late", age_s, "faults", n=faults)
    return Part("ok", age_s)


def agents_part(presence: Presence) -> Part:
    """Judge by the agent that was heard longest ago."""
    views = presence.views
    if presence.orphaned_sites:
        return Part("lost", None, "orphaned", n=presence.orphaned_sites)
    if not views:
        return Part("lost", None, "none")
    age_s = max((view.age_s for view in views if view.age_s is not None), default=None)
    lost = [view.name for view in views if view.link in (Link.LOST, Link.STOPPED)]
    late = [view.name for view in views if view.link in (Link.LATE, Link.WARNING)]
    missing = sum(hole.count for view in views for hole in view.missing)
    if lost:
        return Part("lost", age_s, "lost", lost)
    if late:
        return Part("late", age_s, "late", late)
    if missing:
        return Part("late", age_s, "missing", n=missing)
    return Part("ok", age_s)


def broker_part(age_s: float | None, unheard: int) -> Part:
    """Judge by the probe that goes through the broker and back, and by what the broker lets us hear."""
    if age_s is None or age_s >= BROKER_LOST_S:
        return Part("lost", age_s, "broker-silent")
    if unheard:
        return Part("lost", age_s, "broker-refuses", n=unheard)
    return Part("late", age_s, "broker-slow") if age_s >= BROKER_LATE_S else Part("ok", age_s)


def ledger_part(writer: Writer, mono_s: float, data: Path | None) -> Part:
    """Judge by the last commit; one is made every second, whether or not anything happens."""
    age_s = None if writer.committed_s is None else mono_s - writer.committed_s
    if writer.failing:
        return Part("lost", age_s, "ledger-failing", [writer.failing])
    if age_s is None or age_s >= LEDGER_LOST_S or not writer.alive:
        return Part("lost", age_s, "ledger-still")
    if data is not None and (free_mb := shutil.disk_usage(data).free / 2**20) < LEAST_FREE_MB:
        return Part("late", age_s, "disk", n=round(free_mb))
    return Part("late", age_s, "ledger-slow") if age_s >= LEDGER_LATE_S else Part("ok", age_s)


def chain_of(
    presence: Presence, writer: Writer, broker_age_s: float | None, unheard: int, mono_s: float, data: Path | None
) -> Mapping[str, Any]:
    """Return the four links for a tick."""
    parts = {
        "sensors": sensors_part(presence),
        "agents": agents_part(presence),
        "broker": broker_part(broker_age_s, unheard),
        "ledger": ledger_part(writer, mono_s, data),
    }
    return {name: part.as_json() for name, part in parts.items()}
