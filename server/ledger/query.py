"""Find entries: filters, sorting, and pages by key, so that page 5,000 costs what page 1 costs."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, or_, select, tuple_

from server.accounts.reach import EVERYWHERE, Reach
from server.ledger import search
from server.ledger.entry import Entry, State, from_tuple
from server.ledger.guards import MissingError
from server.ledger.tables import BY_SENSOR, ENTRY, IS_OPEN, hazards, journal
from server.lookup import one_of

Sort = Literal["-found_at", "found_at", "due_at", "-due_at"]
MOST = 500
COUNTED, COUNTED_OF_TEXT, MORE = 10_000, 2_000, "more"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries. An empty field asks for nothing."""

    reach: Reach = EVERYWHERE
    person: str = ""
    """Who asks: of a school he sees in part, what he found and what was given to him is seen too."""
    states: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    grades: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    register: int | None = None
    responsible: str = ""
    point: str = ""
    grid: str = ""
    open: bool | None = None
    overdue_at: datetime | None = None
    found_from: datetime | None = None
    found_to: datetime | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries, and where the next page begins."""

    entries: tuple[Entry, ...]
    next: str | None


def page(connection: Connection, wanted: Wanted, sort: Sort = "-found_at", after: str = "", limit: int = 50) -> Page:
    """Return one page of entries."""
    limit = max(1, min(limit, MOST))
    rows = connection.execute(statement(wanted, sort, after, narrowed_by(connection, wanted)).limit(limit + 1)).all()
    entries = tuple(from_tuple(row) for row in rows[:limit])
    return Page(entries, _cursor(entries[-1], sort) if len(rows) > limit else None)


def statement(wanted: Wanted, sort: Sort, after: str = "", narrowed: Sequence[ColumnElement[bool]] = ()) -> Select[Any]:
    """Return the query of a page, for its plan too."""
    column = hazards.c[sort.removeprefix("-")]
    query = select(*ENTRY).where(*narrowed, *_conditions(wanted))
    if column is hazards.c.due_at:
        query = query.where(column.is_not(None))
    down = sort.startswith("-")
    if after:
        here = tuple_(column, hazards.c.id)
        key = tuple_(*_position(after))
        query = query.where(here < key if down else here > key)
    if down:
        return query.order_by(column.desc(), hazards.c.id.desc())
    return query.order_by(column, hazards.c.id)


def counts(connection: Connection, wanted: Wanted) -> dict[str, int]:
    """Return how many entries stand in each state; where they are more than is counted, only that: `{"more": 10000}`.

    Counting a million takes as long as reading them, and nobody reads further than "more than ten thousand". Of a
    text fewer are counted, for each entry has to be read for it.
    """
    most = COUNTED_OF_TEXT if wanted.text else COUNTED
    alone = wanted.text and wanted == Wanted(text=wanted.text, person=wanted.person)
    if alone and search.surely_more(connection, wanted.text, most):
        return {MORE: most}
    some = select(hazards.c.state).where(*narrowed_by(connection, wanted), *_conditions(wanted)).limit(most + 1)
    inner = some.subquery()
    query = select(inner.c.state, func.count()).group_by(inner.c.state)
    found: dict[str, int] = {state: n for state, n in connection.execute(query)}  # noqa: C416 - a row is no pair to the types
    return found if sum(found.values()) <= most else {MORE: most}


def narrowed_by(connection: Connection, wanted: Wanted) -> list[ColumnElement[bool]]:
    """Ask the index of texts first."""
    ids = search.proposed(connection, wanted.text) if wanted.text else None
    return [] if ids is None else [one_of(connection, hazards.c.id, ids)]


def story(connection: Connection, hazard: int) -> list[dict[str, Any]]:
    """Return the whole story of an entry, oldest first."""
    rows = connection.execute(select(journal).where(journal.c.hazard == hazard).order_by(journal.c.n)).all()
    return [
        {
            "n": r.n, "at": r.at, "by": r.by, "action": r.action, "from": r.source, "to": r.target,
            "body": json.loads(r.body), "hash": r.hash,
        }
        for r in rows
    ]  # fmt: skip


def precision(connection: Connection, reach: Reach = EVERYWHERE) -> list[dict[str, Any]]:
    """Return per sensor how many of its settled entries were real: what false alarms are judged for."""
    false = func.sum(case((hazards.c.state == State.FALSE_ALARM, 1), else_=0))
    real = func.sum(case((hazards.c.state.in_([State.CLOSED, State.ARCHIVED]), 1), else_=0))
    query = (
        select(hazards.c.site, hazards.c.agent, hazards.c.point, real.label("real"), false.label("false_alarms"))
        .where(BY_SENSOR, *within(reach))
        .group_by(hazards.c.site, hazards.c.agent, hazards.c.point)
        .order_by(false.desc())
    )
    found: list[dict[str, Any]] = []
    for row in connection.execute(query):
        judged = row.real + row.false_alarms
        share = round(row.real / judged, 3) if judged else None
        found.append({**dict(row._mapping), "precision": share})  # noqa: SLF001 - SQLAlchemy's public way
    return found


def within(reach: Reach, person: str = "") -> list[ColumnElement[bool]]:
    """Return the conditions that keep a query to what an account sees."""
    c = hazards.c
    conditions = list(reach.where(c.site))
    if reach.grids:
        own = [c.found_by == person, c.responsible == person] if person else []
        parts = [and_(c.site == site, c.grid.in_(sorted(grids))) for site, grids in reach.grids.items()]
        conditions.append(or_(c.site.not_in(sorted(reach.grids)), *parts, *own))
    return conditions


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    c = hazards.c
    conditions = within(wanted.reach, wanted.person)
    for column, values in (
        (c.state, wanted.states), (c.category, wanted.categories), (c.grade, wanted.grades), (c.source, wanted.sources),
    ):  # fmt: skip
        if values:
            conditions.append(column == values[0] if len(values) == 1 else column.in_(values))
    if wanted.register is not None:
        conditions.append(c.register == wanted.register)
    if wanted.responsible:
        conditions.append(c.responsible == wanted.responsible)
    if wanted.point:
        conditions.append(c.point == wanted.point)
    if wanted.grid:
        conditions.append(c.grid == wanted.grid)
    if wanted.open is not None:
        conditions.append(IS_OPEN if wanted.open else ~c.open)
    if wanted.text:
        fields = (c.number, c.place, c.description, c.responsible)
        conditions.append(or_(*(field.icontains(wanted.text, autoescape=True) for field in fields)))
    return conditions + _times(wanted)


def _times(wanted: Wanted) -> list[ColumnElement[bool]]:
    c = hazards.c
    conditions: list[ColumnElement[bool]] = []
    if wanted.overdue_at is not None:
        conditions += [IS_OPEN, c.due_at < wanted.overdue_at]
    if wanted.found_from is not None:
        conditions.append(c.found_at >= wanted.found_from)
    if wanted.found_to is not None:
        conditions.append(c.found_at < wanted.found_to)
    return conditions


def _cursor(entry: Entry, sort: Sort) -> str:
    at = entry.due_at if sort.endswith("due_at") else entry.found_at
    words = json.dumps([at.isoformat() if at is not None else "", entry.id])
    return base64.urlsafe_b64encode(words.encode()).decode()


def _position(after: str) -> tuple[datetime, int]:
    try:
        at, hazard = json.loads(base64.urlsafe_b64decode(after.encode()))
        return datetime.fromisoformat(at), int(hazard)
    except (ValueError, TypeError) as e:
        raise MissingError("翻页位置无效，请从第一页重新查看", ("after",)) from e
