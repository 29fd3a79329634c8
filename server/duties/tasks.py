"""Tasks: every slot of every duty for everyone who has it, and how far each is."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum

from sqlalchemy import Connection, select

from config.duties import Duty
from server.duties.bearers import Bearer, bearers_of, schools_of
from server.duties.own_calendar import all_own
from server.duties.plan import Plan
from server.duties.slots import Slot, slots, start_of
from server.duties.tables import records
from server.lookup import one_of

DEVICES = "devices"
"""The source of a record that devices gave."""


class Standing(StrEnum):
    """How far a task is."""

    MET = "met"
    OPEN = "open"
    WARNED = "warned"  # past its reminder, or behind pro rata
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Task:
    """One slot of one duty for one bearer."""

    duty: Duty
    slot: Slot
    bearer: Bearer
    amount: float
    standing: Standing
    devices: str = ""  # what devices say of a standing duty; empty where it is a person's word


def tasks(
    connection: Connection, plan: Plan, sites: tuple[str, ...], first: date, last: date, now: datetime,
    who: tuple[str, str] | None = None,
) -> list[Task]:  # fmt: skip
    """Return all tasks of these schools (and of those above, site '') whose period touches the days.

    `who` is one person's name and role: only his, which spares those of a whole city.
    """
    found: list[Task] = []
    for duty, bearers, periods in _groups(connection, plan, sites, first, last):
        his = [bearer for bearer in bearers if who is None or _his(duty, bearer, *who)]
        if not his:
            continue
        done, said = _done(connection, duty, periods, plan.zone, his)
        judged = _Judged(duty, periods, now, plan.zone)
        for bearer in his:
            amounts = done.get((bearer.site, bearer.id), judged.nothing)
            for i, slot in enumerate(periods):
                text = said.get((bearer.site, bearer.id), "")
                found.append(Task(duty, slot, bearer, amounts[i], judged.standing(i, amounts[i]), text))
    return found


def coverage(
    connection: Connection, plan: Plan, sites: tuple[str, ...], first: date, last: date, now: datetime,
    seen: Callable[[Duty, Bearer], bool],
) -> dict[tuple[str, str], Counter[Standing]]:  # fmt: skip
    """Count by school and duty how its tasks stand, without making a hundred thousand of them for a city's month."""
    counted: dict[tuple[str, str], Counter[Standing]] = defaultdict(Counter)
    for duty, bearers, periods in _groups(connection, plan, sites, first, last):
        done, _ = _done(connection, duty, periods, plan.zone, bearers)
        judged = _Judged(duty, periods, now, plan.zone)
        undone = [judged.standing(i, 0.0) for i in range(len(periods))]
        dues = [slot.due.astimezone(UTC) for slot in periods]
        for bearer in bearers:
            begun = bisect_left(dues, bearer.since)  # nothing counts from before it was there
            if begun == len(dues) or not seen(duty, bearer):
                continue
            amounts = done.get((bearer.site, bearer.id))
            stood = undone if amounts is None else [judged.standing(i, amount) for i, amount in enumerate(amounts)]
            counted[bearer.site, duty.id].update(stood[begun:])
    return counted


Group = tuple[Duty, list[Bearer], list[Slot]]


def _groups(connection: Connection, plan: Plan, sites: tuple[str, ...], first: date, last: date) -> Iterator[Group]:
    """Give each duty with those who have it in the same periods: one calendar, boarders or not."""
    schools = schools_of(connection, sites, plan.names)
    calendars = all_own(connection, plan.calendar)
    for duty in plan.duties.duties:
        groups: dict[tuple[str, bool], list[Bearer]] = defaultdict(list)
        for bearer in bearers_of(connection, duty, schools, sites):
            groups[bearer.site if bearer.site in calendars else "", bearer.boarding].append(bearer)
        for (site, boarding), same in groups.items():
            periods = list(slots(duty, calendars[site], first, last, plan.zone, boarding=boarding))
            if periods:
                yield duty, same, periods


def _his(duty: Duty, bearer: Bearer, name: str, role: str) -> bool:
    """Tell whether a duty names this person, or nobody while it is his role's."""
    return bearer.person == name or (not bearer.person and role in duty.roles)


def standing(duty: Duty, slot: Slot, amount: float, now: datetime, zone: timezone) -> Standing:
    """Judge one slot from the amount done in it."""
    if amount >= duty.target:
        return Standing.MET
    if duty.period == "standing":
        return Standing.WARNED
    if now > slot.due:
        return Standing.MISSED
    if duty.remind is not None and now >= datetime.combine(slot.last, duty.remind, zone):
        return Standing.WARNED
    if duty.remind_day is not None and now >= start_of(slot.first.replace(day=duty.remind_day), zone):
        return Standing.WARNED
    begun = start_of(slot.first, zone)
    share = (now - begun) / (slot.due - begun)
    behind = duty.target > 1 and slot.first != slot.last and amount < duty.target * share
    return Standing.WARNED if behind else Standing.OPEN


class _Judged:
    """The standing of each slot by the amount done in it, judged once: the same amounts come again and again."""

    def __init__(self, duty: Duty, periods: list[Slot], now: datetime, zone: timezone) -> None:
        self._duty, self._periods, self._now, self._zone = duty, periods, now, zone
        self._known: dict[tuple[int, float], Standing] = {}
        self.nothing = [0.0] * len(periods)

    def standing(self, i: int, amount: float) -> Standing:
        """Judge the i-th slot."""
        found = self._known.get((i, amount))
        if found is None:
            found = standing(self._duty, self._periods[i], amount, self._now, self._zone)
            self._known[i, amount] = found
        return found


Key = tuple[str, str]
"""Site and subject."""


def _done(
    connection: Connection, duty: Duty, periods: list[Slot], zone: timezone, bearers: Iterable[Bearer]
) -> tuple[dict[Key, list[float]], dict[Key, str]]:
    """Return how much was done in each period, and what devices say. Periods follow each other without overlap."""
    c = records.c
    here = one_of(connection, c.site, {bearer.site for bearer in bearers})
    amounts: dict[Key, list[float]] = {}
    if duty.period == "standing":
        said: dict[Key, str] = {}
        last = select(c.site, c.subject, c.amount, c.source, c.evidence).order_by(c.at, c.id)
        for site, subject, amount, source, evidence in connection.execute(last.where(c.duty == duty.id, here)).all():
            told = "，".join(f"{name} {text}" for name, text in evidence.items() if text)
            amounts[site, subject], said[site, subject] = [amount], told if source == DEVICES else ""
        return amounts, said
    begins = [start_of(slot.first, zone).astimezone(UTC) for slot in periods]
    ends = [(start_of(slot.last, zone) + timedelta(days=1)).astimezone(UTC) for slot in periods]
    query = select(c.site, c.subject, c.at, c.amount).where(c.duty == duty.id, here)
    for site, subject, at, amount in connection.execute(query.where(c.at >= begins[0], c.at < ends[-1])).all():
        i = bisect_right(begins, at) - 1
        if at < ends[i]:
            amounts.setdefault((site, subject), [0.0] * len(periods))[i] += amount
    return amounts, {}
