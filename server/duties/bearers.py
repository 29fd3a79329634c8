"""Who has a duty: schools, classes, grids, waters, people, and those above."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from config.duties import Duty
from server.accounts.reach import EVERYWHERE, Reach, covering, of_users
from server.accounts.tables import user_reach, users
from server.duties.plan import Plan
from server.duties.tables import subjects
from server.lookup import one_of
from server.presence.tables import agents


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


def schools_of(connection: Connection, sites: tuple[str, ...], names: Mapping[str, str]) -> list[Bearer]:
    """Return the schools by name; one that nobody registered is known from its agents."""
    here = one_of(connection, subjects.c.site, sites)
    rows = connection.execute(select(subjects).where(subjects.c.kind == "school", here)).all()
    known = [Bearer(r.site, "", r.name, r.since, r.person, r.stage or "middle", r.boarding) for r in rows]
    named = {bearer.site for bearer in known}
    heard = select(agents.c.site, func.min(agents.c.first_seen_at).label("since")).group_by(agents.c.site)
    rows = connection.execute(heard.where(one_of(connection, agents.c.site, sites))).all()
    known += [Bearer(r.site, "", names.get(r.site, r.site), r.since, "", "middle") for r in rows if r.site not in named]
    return sorted(known, key=lambda bearer: bearer.site)


def bearers_of(connection: Connection, duty: Duty, schools: list[Bearer], sites: tuple[str, ...]) -> Iterator[Bearer]:
    boarding = {school.site: school.boarding for school in schools}
    match duty.subject:
        case "school":
            yield from (s for s in schools if not duty.stages or s.stage in duty.stages)
        case "class" | "grid" | "water":
            rows = select(subjects).where(subjects.c.kind == duty.subject, one_of(connection, subjects.c.site, sites))
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
