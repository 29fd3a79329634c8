"""What a person does in the ledger: report a hazard, or take one step with an entry."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from server.errors import UnknownError
from server.ledger import guards, machine, store
from server.ledger.entry import Entry
from server.ledger.guards import Actor, MissingError
from server.ledger.sensors import Ledger
from server.ledger.tables import LONG

EARLIEST = timedelta(days=366)
LATEST = timedelta(days=5 * 366)
ONE_LINE = frozenset({"place", "grid", "basis", "responsible_unit", "responsible", "funds"})


@dataclass(frozen=True, slots=True)
class Finding:
    """A hazard as a person, a check, a drill or a duty reports it. `cause` joins reports of one cause."""

    site: str
    source: str
    description: str
    place: str = ""
    grid: str = ""
    category: str = ""
    basis: str = ""
    found_at: datetime | None = None
    cause: str = ""


def check(ledger: Ledger, finding: Finding, actor: Actor) -> None:
    """Raise what `report` would raise over these words, this person or this time; nothing is written."""
    _judged(ledger, finding, actor, ledger.clock())


def report(connection: Connection, ledger: Ledger, finding: Finding, actor: Actor) -> Entry:
    """Open an entry, or join the open one of the same cause."""
    now = ledger.clock()
    kept, found_at = _judged(ledger, finding, actor, now)
    cause = f"{finding.site}/{finding.cause or uuid.uuid4()}"
    known = store.open_of_cause(connection, cause)
    if known is not None:
        again = replace(known, count=known.count + 1, last_at=max(known.last_at, found_at))
        return store.touch(connection, known, again, actor.name, now, "join", {"description": finding.description})
    timers = ledger.judgement.timers
    entry = Entry(
        number="", site=finding.site, year=0, register=0, cause=cause, found_at=found_at, found_by=actor.name,
        last_at=found_at, due_at=found_at + timedelta(hours=timers.register_hours), **kept,
    )  # fmt: skip
    return store.open_entry(connection, entry, actor.name, now, {}, timers.zone)


def act(
    connection: Connection,
    ledger: Ledger,
    seen: tuple[int, int],
    action: str,
    fields: Mapping[str, Any],
    actor: Actor,
) -> Entry:
    """Take one step with an entry; `seen` is its id and the version this person saw."""
    hazard, version = seen
    before = store.get(connection, hazard, lock=True)
    if not sees(actor, before):
        raise UnknownError(f"台账中没有第 {hazard} 号记录")
    if before.version != version:
        raise store.StaleEditError(f"{before.number}：别人刚刚修改过，请刷新后重做（没有覆盖任何内容）")
    now = ledger.clock()
    given = {name: clean(name, value) if isinstance(value, str) else value for name, value in fields.items()}
    if isinstance(deadline := given.get("deadline"), datetime) and deadline > now + LATEST:
        raise MissingError(f"{before.number}：时限 {deadline:%Y-%m-%d} 太远，请填五年以内的时间", ("deadline",))
    after = machine.plan(before, action, given, actor, ledger.judgement, now)
    if action == "merge":
        _merge(connection, before, after, actor, now)
    return store.change(connection, before, after, actor.name, now, action, {"given": sorted(given)})


def sees(actor: Actor, entry: Entry) -> bool:
    """Tell whether an entry is this person's to see: in his grid, or found by him, or given to him."""
    own = actor.name in {entry.found_by, entry.responsible}
    return actor.reach.sees_grid(entry.site, entry.grid) or (own and actor.reach.sees(entry.site))


def _judged(ledger: Ledger, finding: Finding, actor: Actor, now: datetime) -> tuple[dict[str, Any], datetime]:
    """Return what may be kept of a finding, and when it was found."""
    if not actor.reach.sees(finding.site):
        raise guards.PersonError(f"{finding.site}：不是您所在的学校")
    grid = finding.grid or _own_grid(actor.reach.grids.get(finding.site, frozenset()))
    fields = {
        "place": finding.place, "grid": grid, "description": finding.description, "basis": finding.basis,
        "category": finding.category, "source": finding.source,
    }  # fmt: skip
    guards.check_words(fields, ledger.judgement)
    kept: dict[str, Any] = {name: clean(name, value) for name, value in fields.items()}
    if not finding.description.strip():
        raise MissingError("还缺 描述", ("description",))
    return kept, _found(finding.found_at or now, now)


def _own_grid(names: frozenset[str]) -> str:
    """Return the grid of one who sees a single one, by its name before its id."""
    spoken = sorted(name for name in names if not name.isascii()) or sorted(names)
    return spoken[0] if len(spoken) == 1 else ""


def clean(name: str, value: str) -> str:
    """Return a text as it may be stored; refuse NUL, half characters and what is too long."""
    limit = 200 if name in ONE_LINE else LONG
    title = guards.COLUMN_NAMES.get(name, name)
    if len(value) > limit:
        raise MissingError(f"{title}：太长（{len(value)} 字，最多 {limit} 字）", (name,))
    if any(ch == "\0" or "\ud800" <= ch <= "\udfff" for ch in value):
        raise MissingError(f"{title}：含有不能保存的字符", (name,))
    return value


def _found(at: datetime, now: datetime) -> datetime:
    if not now - EARLIEST <= at <= now + timedelta(minutes=5):
        raise MissingError(f"发现时间 {at:%Y-%m-%d} 不对：应在一年之内，且不晚于现在", ("found_at",))
    return at


def _merge(connection: Connection, before: Entry, after: Entry, actor: Actor, now: datetime) -> None:
    target = store.get(connection, after.merged_into or 0, lock=True)
    if target.id == before.id or target.site != before.site or not target.open:
        raise MissingError(f"{before.number}：只能并入本校另一条未销号的隐患", ("merged_into",))
    joined = replace(target, count=target.count + before.count, last_at=max(target.last_at, before.last_at))
    store.touch(connection, target, joined, actor.name, now, "merged", {"from": before.number})
