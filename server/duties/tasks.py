"""Tasks: every slot of every duty for everyone who has it, and how far each is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from enum import StrEnum

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
    connection: Connection, plan: Plan, sites: tuple[str, ...], first: date, last: date, now: datetime
) -> list[Task]:
    """Return all tasks of these schools (and of those above, site '') whose period touches the days."""
    found: list[Task] = []
    schools = _schools(connection, sites, plan.names)
    calendars = all_own(connection, plan.calendar)
    for duty in plan.duties.duties:
        bearers = list(_bearers(connection, duty, schools, sites))
        groups: dict[tuple[str, bool], list[Bearer]] = defaultdict(list)
        for bearer in bearers:
            groups[bearer.site if bearer.site in calendars else "", bearer.boarding].append(bearer)
        for (site, boarding), same in groups.items():
            periods = list(slots(duty, calendars[site], first, last, plan.zone, boarding=boarding))
            if periods:
                done = _done(connection, duty, periods, plan, sites)
                found += [_task(duty, slot, bearer, done, now, plan) for bearer in same for slot in periods]
    return found


def mine(found: Iterable[Task], name: str, role: str) -> list[Task]:
    """Return the tasks of one person: those that name him, and those of his role that name nobody."""
    return [t for t in found if t.bearer.person == name or (not t.bearer.person and role in t.duty.roles)]


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


Done = dict[tuple[str, str], list[tuple[datetime, float, str]]]


def _task(duty: Duty, slot: Slot, bearer: Bearer, done: Done, now: datetime, plan: Plan) -> Task:
    deeds = done.get((bearer.site, bearer.id), [])
    said = ""
    if duty.period == "standing":
        _, amount, said = deeds[-1] if deeds else (None, 0.0, "")
    else:
        begin, end = start_of(slot.first, plan.zone), start_of(slot.last, plan.zone) + timedelta(days=1)
        amount = sum(n for at, n, _ in deeds if begin <= at < end)
    return Task(duty, slot, bearer, amount, standing(duty, slot, amount, now, plan.zone), said)


def _done(connection: Connection, duty: Duty, periods: list[Slot], plan: Plan, sites: tuple[str, ...]) -> Done:
    c = records.c
    query = select(c.site, c.subject, c.at, c.amount, c.source, c.evidence).where(
        c.duty == duty.id, c.site.in_([*sites, ""])
    )
    if duty.period != "standing":
        begin = start_of(min(s.first for s in periods), plan.zone)
        end = datetime.combine(max(s.last for s in periods), time.max, plan.zone)
        query = query.where(records.c.at >= begin, records.c.at <= end)
    done: Done = defaultdict(list)
    for site, subject, at, amount, source, evidence in connection.execute(query.order_by(c.at, c.id)):
        said = "，".join(f"{name} {text}" for name, text in evidence.items() if text) if source == DEVICES else ""
        done[site, subject].append((at, amount, said))
    return done


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
