"""One ledger entry as the machine sees it, field by field the row of `hazards`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any


class State(StrEnum):
    """Where an entry stands."""

    FOUND = "found"
    REGISTERED = "registered"
    JUDGED = "judged"
    ASSIGNED = "assigned"
    RECTIFYING = "rectifying"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    CLOSED = "closed"
    ARCHIVED = "archived"
    FALSE_ALARM = "false-alarm"
    MERGED = "merged"


STATE_NAMES: dict[State, str] = {
    State.FOUND: "发现",
    State.REGISTERED: "登记",
    State.JUDGED: "研判",
    State.ASSIGNED: "交办",
    State.RECTIFYING: "整改中",
    State.SUBMITTED: "申请验收",
    State.ACCEPTED: "验收",
    State.CLOSED: "销号",
    State.ARCHIVED: "归档",
    State.FALSE_ALARM: "误报",
    State.MERGED: "合并",
}

OPEN = frozenset(State) - {State.CLOSED, State.ARCHIVED, State.FALSE_ALARM, State.MERGED}


@dataclass(frozen=True, slots=True)
class Entry:
    """One hazard and all that is known of it."""

    number: str
    site: str
    year: int
    register: int
    source: str
    cause: str
    found_at: datetime
    found_by: str
    description: str
    last_at: datetime
    state: State = State.FOUND
    id: int = 0
    agent: str = ""
    point: str = ""
    simulated: bool = False
    place: str = ""
    grid: str = ""
    category: str = ""
    basis: str = ""
    grade: str = ""
    layer: str = ""
    term: str = ""
    clause: str = ""
    judged_by: str = ""
    judged_at: datetime | None = None
    interim: str = ""
    responsible_unit: str = ""
    responsible: str = ""
    measures: str = ""
    deadline: datetime | None = None
    funds: str = ""
    plan: str = ""
    registered_at: datetime | None = None
    assigned_at: datetime | None = None
    rectified_at: datetime | None = None
    rectified_by: str = ""
    result: str = ""
    verified_by: str = ""
    verified_at: datetime | None = None
    conclusion: str = ""
    closed_by: str = ""
    closed_at: datetime | None = None
    version: int = 1
    due_at: datetime | None = None
    extensions: int = 0
    supervision: str = ""
    recurrence: int = 0
    recurs_of: int | None = None
    merged_into: int | None = None
    false_cause: str = ""
    reason: str = ""
    climb: str = ""
    count: int = 1

    @property
    def open(self) -> bool:
        """Whether something is still to be done."""
        return self.state in OPEN


FIELDS = tuple(f.name for f in fields(Entry))
_STATE = FIELDS.index("state")
_STATES = {state.value: state for state in State}
_COLUMNS = tuple(f.name for f in fields(Entry) if f.name != "id")
_GET = attrgetter(*_COLUMNS)


def from_row(row: Any) -> Entry:
    """Make an entry of a row of `hazards`."""
    values: dict[str, Any] = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public way to a row's columns
    del values["open"]
    values["state"] = State(values["state"])
    return Entry(**values)


def from_tuple(row: Sequence[Any]) -> Entry:
    """Make an entry of the values of `FIELDS`, in their order; a batch makes hundreds."""
    values = list(row)
    values[_STATE] = _STATES[values[_STATE]]
    return Entry(*values)


def columns(entry: Entry) -> dict[str, Any]:
    """Return the row of an entry, without its id."""
    return dict(zip(_COLUMNS, _GET(entry), strict=True)) | {"state": entry.state.value, "open": entry.open}


def difference(before: Entry, after: Entry) -> dict[str, Any]:
    """Return the columns in which two states of an entry differ, with the later values."""
    if before is after:
        return {}
    pairs = zip(_COLUMNS, _GET(before), _GET(after), strict=True)
    found = {name: fresh for name, old, fresh in pairs if old is not fresh and old != fresh}
    if "state" in found:
        found["state"] = after.state.value
        if before.open is not after.open:
            found["open"] = after.open
    return found
