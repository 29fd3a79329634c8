"""The papers of the meetings: 周研判, 月调度, and the 整改通知书 of one entry."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from config.judgement import Judgement
from server.ledger.entry import Entry, State, from_tuple
from server.ledger.query import Wanted, within
from server.ledger.review import Meeting, review, week_of
from server.ledger.review import lacking as lacking_columns
from server.ledger.tables import ENTRY, IS_OPEN, hazards

MOST, MOST_ABOVE = 500, 100  # entries a table: of one school, of many


@dataclass(frozen=True, slots=True)
class Pack:
    """What a meeting has before it."""

    title: str
    first: date
    last: date
    found: tuple[Entry, ...]  # found in the period
    unjudged: tuple[Entry, ...]  # without grade, measures, person or deadline
    major: tuple[Entry, ...]  # every open major one, whenever found
    overdue: tuple[Entry, ...]
    common: tuple[tuple[str, int], ...]  # categories of the period, most frequent first
    states: dict[str, int]
    totals: dict[str, int]  # how many there are of each kind, of which a long table shows the newest
    meeting: Meeting | None = None  # of the 周研判 of one school: what is written of it
    decided: tuple[Entry, ...] = ()  # and what it decided


def week(connection: Connection, judgement: Judgement, whose: Wanted, day: date, now: datetime) -> Pack:
    """Return the pack of the 周研判 of the week with this day."""
    monday = day - timedelta(days=day.weekday())
    made = _pack(connection, judgement, whose, "周研判", (monday, monday + timedelta(days=6)), now)
    if not whose.reach.only or whose.reach.grids:
        return made
    held = review(connection, judgement, week_of(whose.reach.only, day))
    return replace(made, meeting=held.meeting, decided=held.decided)


def month(connection: Connection, judgement: Judgement, whose: Wanted, day: date, now: datetime) -> Pack:
    """Return the pack of the 月调度 of the month with this day."""
    first = day.replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return _pack(connection, judgement, whose, "月调度", (first, last), now)


def lacking(entry: Entry, judgement: Judgement) -> tuple[str, ...]:
    """Return the labels of 三分 and 三明确 that an entry still lacks."""
    labels = {f.field: f.zh for f in (*judgement.three_parts, *judgement.three_clear, *judgement.major_needs)}
    return tuple(labels[name] for name in lacking_columns(entry, judgement))


def _pack(
    connection: Connection,
    judgement: Judgement,
    whose: Wanted,
    title: str,
    span: tuple[date, date],
    now: datetime,
) -> Pack:
    zone = judgement.timers.zone
    begin = datetime.combine(span[0], datetime.min.time(), zone)
    end = datetime.combine(span[1] + timedelta(days=1), datetime.min.time(), zone)
    c = hazards.c
    here = within(whose.reach, whose.person)
    if whose.reach.only:
        base = select(*ENTRY).where(*here).order_by(c.site, c.found_at).limit(MOST)
    else:
        base = select(*ENTRY).where(*here).order_by(c.found_at.desc(), c.id.desc()).limit(MOST_ABOVE)
    found = _entries(connection, base.where(c.found_at >= begin, c.found_at < end))
    grades = [grade.id for grade in judgement.grades if grade.major]
    early = [State.FOUND.value, State.REGISTERED.value, State.JUDGED.value]
    asked = {
        "found": (c.found_at >= begin) & (c.found_at < end),
        "unjudged": c.state.in_(early),
        "major": IS_OPEN & c.grade.in_(grades),
        "overdue": IS_OPEN & (c.due_at < now),
    }
    tables = {name: _entries(connection, base.where(what)) for name, what in asked.items() if name != "found"}
    # Categories, states and the total of the period in one pass over it.
    sums = select(c.category, c.state, func.count()).where(asked["found"], *here).group_by(c.category, c.state)
    words, common, states = judgement.words("category"), Counter[str](), Counter[str]()
    for row in connection.execute(sums):
        category: str = row.category
        common[words.get(category, category)] += row[2]
        states[row.state] += row[2]
    short = MOST if whose.reach.only else MOST_ABOVE
    totals = {
        name: len(table) if len(table) < short else _count(connection, asked[name], here)
        for name, table in tables.items()
    }
    return Pack(
        title, *span, found,
        tuple(entry for entry in tables["unjudged"] if lacking(entry, judgement)),
        tables["major"], tables["overdue"],
        tuple(common.most_common()), dict(states), {"found": states.total(), **totals},
    )  # fmt: skip


def _count(connection: Connection, what: ColumnElement[bool], here: list[ColumnElement[bool]]) -> int:
    return connection.execute(select(func.count()).select_from(hazards).where(what, *here)).scalar_one()


def _entries(connection: Connection, query: Select[Any]) -> tuple[Entry, ...]:
    return tuple(from_tuple(row) for row in connection.execute(query).all())
