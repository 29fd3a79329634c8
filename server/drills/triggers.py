"""Which events start an armed drill, and which signal they give."""

from __future__ import annotations

from config.school import SchoolConfig
from server.drills.inputs import Signal


def signal_of(school: SchoolConfig, agent: str, point: str, kind: str, *, active: bool) -> Signal | None:
    """Return the signal that this event gives to a drill that is armed; None if it gives none."""
    if not active or kind == "fault":
        return None
    for trigger in school.trigger:
        if f"{agent}/{point}" in trigger.points and (not trigger.kinds or kind in trigger.kinds):
            return Signal(trigger.signal)
    return None


def rehearsed(school: SchoolConfig, agent: str, point: str, kind: str) -> bool:
    """Whether an alarm from here is the drill's own signal, and not a real alarm in its midst."""
    return signal_of(school, agent, point, kind, active=True) is not None
