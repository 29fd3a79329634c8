"""One alert as the tables and the pages know it, and who is told of its changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sqlalchemy import Connection

from contracts.messages import Value


class Change(StrEnum):
    """What just happened to an alert."""

    RAISED = "raised"
    REPEATED = "repeated"  # came on again, or more severely, while still open
    CLEARED = "cleared"
    NORMAL = "normal"  # a latched alert's point is normal again; the alert still stands
    ACKED = "acked"
    RESET = "reset"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    COMMENTED = "commented"
    NAMED = "named"  # a birth said what its point is called


@dataclass(frozen=True, slots=True)
class Alert:
    """One row of `alerts`, field by field; `state` and `open` follow from it."""

    id: str
    site: str
    agent: str
    point: str
    name: str
    kind: str  # a Hazard, or a newer one
    severity: str
    began_at: datetime
    received_at: datetime
    n: int = 0
    place: str = ""
    grid: str = ""
    active: bool = True
    acked: bool = False
    reason: str = ""
    value: Value = None
    unit: str = ""
    cleared_at: datetime | None = None
    acked_at: datetime | None = None
    acked_by: str = ""
    comment: str = ""
    count: int = 1
    hazard: int | None = None
    simulated: bool = False
    drill: bool = False
    late: bool = False
    latched: bool = False
    normal_at: datetime | None = None
    reset_at: datetime | None = None
    reset_by: str = ""
    shelved_until: datetime | None = None
    open: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "open", self.active or not self.acked)

    @property
    def state(self) -> str:
        """`active-unacked`, `active-acked`, `cleared-unacked` or `cleared-acked`."""
        return f"{'active' if self.active else 'cleared'}-{'acked' if self.acked else 'unacked'}"


class AlertHook(Protocol):
    """Writes an alert's change into the hazard ledger, in the same transaction.

    Return the number of the hazard entry it made or joined, None where there is none.
    The alert's own row may not exist yet when it is first raised.
    """

    def __call__(self, connection: Connection, alert: Alert, change: Change) -> int | None: ...


def no_ledger(connection: Connection, alert: Alert, change: Change) -> int | None:  # noqa: ARG001
    """Stand in where no hazard ledger is wired, as in some tests."""
    return alert.hazard
