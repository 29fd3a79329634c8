"""How alive an agent is, by the age of its last heartbeat on the server's own monotonic clock."""

from __future__ import annotations

from enum import StrEnum

LATE_S = 12.0
WARNING_S = 15.0
LOST_S = 18.0


class Link(StrEnum):
    """The state of the way from an agent to here."""

    OK = "ok"
    LATE = "late"  # two heartbeats are missing
    WARNING = "warning"
    LOST = "lost"
    STOPPED = "stopped"  # it said so itself


def link_of(age_s: float, status: str) -> Link:
    """Judge an age in seconds, and what the agent (or its last will) said last."""
    if status == "stopping":
        return Link.STOPPED
    if status == "offline" or age_s >= LOST_S:
        return Link.LOST
    if age_s >= WARNING_S:
        return Link.WARNING
    return Link.LATE if age_s >= LATE_S else Link.OK
