"""Tasks: every slot of every duty for everyone who has it, and how far each is."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from itertools import product

from sqlalchemy import Connection, func, select

from config.calendar import Calendar
from config.duties import Duties, Duty
from server.accounts.reach import EVERYWHERE, Reach, covering, of_users
from server.accounts.tables import user_reach, users
from server.duties.own_calendar import all_own
from server.duties.slots import Slot, slots, start_of
from server.duties.tables import records, subjects
from server.presence.tables import agents

DEVICES = "devices"
"""The source of a record that devices gave."""


class Standing(StrEnum):
    """How far a task is."""

    MET = "met"
    OPEN = "open"
    WARNED = "warned"  # past its reminder, or behind pro rata
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Plan:
    """The duties, the calendar, and the hours of this place."""

    duties: Duties
    calendar: Calendar
    utc_offset_hours: float = 8
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of schools by site, from the files of their drills: for those nobody registered with the duties."""

    @property
    def zone(self) -> timezone:
        """Return the local time zone."""
        return timezone(timedelta(hours=self.utc_offset_hours))


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who or what a duty is counted for."""

    site: str
    id: str
    name: str
    since: datetime
    person: str = ""
    stage: str = ""
    boarding: bool = False
    reach: Reach = EVERYWHERE
    """Of a person: whose tasks they are to see."""


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
    schools = _schools(connection, sites, plan.names)
    calendars = all_own(connection, plan.calendar)
    for duty in plan.duties.duties:
        bearers = [b for b in _bearers(connection, duty, schools, sites) if who is None or _his(duty, b, *who)]
        groups: dict[tuple[str, bool], list[Bearer]] = defaultdict(list)
        for bearer in bearers:
            groups[bearer.site if bearer.site in calendars else "", bearer.boarding].append(bearer)
        for (site, boarding), same in groups.items():
            periods = list(slots(duty, calendars[site], first, last, plan.zone, boarding=boarding))
            if periods:
                found += _of_group(connection, duty, same, periods, now, plan)
    return found


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


def _of_group(
    connection: Connection, duty: Duty, bearers: list[Bearer], periods: list[Slot], now: datetime, plan: Plan
) -> Iterator[Task]:
    """Give the tasks of bearers with the same periods: a city has a hundred thousand of them a month."""
    sites = {bearer.site for bearer in bearers}
    if duty.period == "standing":
        stood = _stood(connection, duty, sites)
        for bearer, slot in product(bearers, periods):
            amount, said = stood.get((bearer.site, bearer.id), (0.0, ""))
            yield Task(duty, slot, bearer, amount, standing(duty, slot, amount, now, plan.zone), said)
        return
    done, zone, nothing = _done(connection, duty, periods, plan.zone, sites), plan.zone, [0.0] * len(periods)
    judged: dict[tuple[int, float], Standing] = {}
    for bearer in bearers:
        amounts = done.get((bearer.site, bearer.id), nothing)
        for i, slot in enumerate(periods):
            amount = amounts[i]
            if (i, amount) not in judged:
                judged[i, amount] = standing(duty, slot, amount, now, zone)
            yield Task(duty, slot, bearer, amount, judged[i, amount])


def _done(
    connection: Connection, duty: Duty, periods: list[Slot], zone: timezone, sites: set[str]
) -> dict[tuple[str, str], list[float]]:
    """Return how much was done in each period, by site and subject. Periods follow each other and do not overlap."""
    c = records.c
    begins = [start_of(slot.first, zone).astimezone(UTC) for slot in periods]
    ends = [(start_of(slot.last, zone) + timedelta(days=1)).astimezone(UTC) for slot in periods]
    query = select(c.site, c.subject, c.at, c.amount).where(
        c.duty == duty.id, c.site.in_(sorted(sites)), c.at >= begins[0], c.at < ends[-1]
    )
    done: dict[tuple[str, str], list[float]] = {}
    for site, subject, at, amount in connection.execute(query):
        i = bisect_right(begins, at) - 1
        if at < ends[i]:
            done.setdefault((site, subject), [0.0] * len(periods))[i] += amount
    return done


def _stood(connection: Connection, duty: Duty, sites: set[str]) -> dict[tuple[str, str], tuple[float, str]]:
    """Return what was said last of a standing duty, by site and subject, with what devices say of it."""
    c = records.c
    query = select(c.site, c.subject, c.amount, c.source, c.evidence)
    stood: dict[tuple[str, str], tuple[float, str]] = {}
    for site, subject, amount, source, evidence in connection.execute(
        query.where(c.duty == duty.id, c.site.in_(sorted(sites))).order_by(c.at, c.id)
    ):
        said = "，".join(f"{name} {text}" for name, text in evidence.items() if text) if source == DEVICES else ""
        stood[site, subject] = amount, said
    return stood


def _schools(connection: Connection, sites: tuple[str, ...], names: Mapping[str, str]) -> list[Bearer]:
    """Return the schools by name; one that nobody registered is known from its agents."""
    rows = connection.execute(select(subjects).where(subjects.c.kind == "school", subjects.c.site.in_(sites))).all()
    known = [Bearer(r.site, "", r.name, r.since, r.person, r.stage or "middle", r.boarding) for r in rows]
    named = {bearer.site for bearer in known}
    heard = select(agents.c.site, func.min(agents.c.first_seen_at).label("since")).group_by(agents.c.site)
    rows = connection.execute(heard.where(agents.c.site.in_(sites))).all()
    known += [Bearer(r.site, "", names.get(r.site, r.site), r.since, "", "middle") for r in rows if r.site not in named]
    return sorted(known, key=lambda bearer: bearer.site)


def _bearers(connection: Connection, duty: Duty, schools: list[Bearer], sites: tuple[str, ...]) -> Iterator[Bearer]:
    boarding = {school.site: school.boarding for school in schools}
    match duty.subject:
        case "school":
            yield from (s for s in schools if not duty.stages or s.stage in duty.stages)
        case "class" | "grid" | "water":
            rows = select(subjects).where(subjects.c.kind == duty.subject, subjects.c.site.in_(sites))
            for r in connection.execute(rows.order_by(subjects.c.site, subjects.c.id)):
                yield Bearer(r.site, r.id, r.name, r.since, r.person, "", boarding.get(r.site, False))
        case "person":
            here = select(user_reach.c.user).where(covering(sites))
            rows = select(users).where(users.c.role.in_(duty.roles), ~users.c.disabled, users.c.id.in_(here))
            people = connection.execute(rows.order_by(users.c.name)).all()
            reach = of_users(connection, [r.id for r in people])
            for r in people:
                yield Bearer(reach[r.id].only, r.name, r.name, r.created_at, r.name, reach=reach[r.id])
        case "county" | "city":
            above = select(func.min(users.c.created_at)).where(users.c.role == duty.subject)
            if (since := connection.execute(above).scalar()) is not None:
                yield Bearer("", "", "县级主管部门" if duty.subject == "county" else "市级主管部门", since)


def school_names(connection: Connection, plan: Plan) -> dict[str, str]:
    """Return what schools are called, by site: as they were registered, or as the files of their drills say."""
    named = select(subjects.c.site, subjects.c.name).where(subjects.c.kind == "school")
    return {**plan.names, **{row.site: row.name for row in connection.execute(named)}}


def known_sites(connection: Connection) -> tuple[str, ...]:
    """Return every school that was registered or has an agent."""
    named = select(subjects.c.site).where(subjects.c.kind == "school")
    return tuple(sorted(connection.execute(named.union(select(agents.c.site))).scalars()))
