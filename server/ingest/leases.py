"""Leases of sites in PostgreSQL: who is alive, who should answer for which site, and how a site changes hands.

All times are the database's own, so that the clocks of the workers' machines do not matter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import Connection, delete, func, select, union, update
from sqlalchemy.dialects.postgresql import insert

from server.duties.tables import subjects
from server.enrol.tables import certificates, join_tokens
from server.ingest.tables import heard_sites, leases, workers
from server.presence.tables import agents

LEASE = timedelta(seconds=6)
CHORES = "_chores"
"""The lease of what one worker does for all: time limits, drills, signed heads. No site can be called so."""

_FREE = ""


def choose(site: str, names: Collection[str]) -> str:
    """Pick a site's worker by rendezvous hashing: one that comes or goes moves only its own share of the sites."""
    return max(names, key=lambda name: (hashlib.blake2b(f"{name}\0{site}".encode(), digest_size=8).digest(), name))


def wanted(me: str, names: Collection[str], sites: Collection[str]) -> frozenset[str]:
    """Return the sites (and chores) that fall to one worker."""
    return frozenset(site for site in sites if choose(site, names) == me)


def beat(connection: Connection, me: str) -> None:
    """Say that a worker lives."""
    statement = insert(workers).values(name=me, beat_at=func.clock_timestamp())
    connection.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"beat_at": func.clock_timestamp()})
    )


def alive(connection: Connection) -> frozenset[str]:
    """Return who has said so lately."""
    return frozenset(connection.execute(select(workers.c.name).where(workers.c.beat_at > func.now() - LEASE)).scalars())


def enrolled(connection: Connection) -> frozenset[str]:
    """Return every site that was enrolled, registered or heard."""
    named = [table.c.site for table in (agents, join_tokens, certificates, heard_sites)]
    schools = select(subjects.c.site).where(subjects.c.kind == "school")
    return frozenset(connection.execute(union(schools, *(select(column) for column in named))).scalars()) - {""}


def renew(connection: Connection, me: str, unheard: Collection[str] = ()) -> frozenset[str]:
    """Hold on to all that is held; return it. What ran out before is lost, for another may have it.

    Of the `unheard` the broker keeps something from us: pages say so.
    """
    mine = update(leases).where(leases.c.holder == me, leases.c.until > func.now())
    kept = mine.values(until=func.clock_timestamp() + LEASE, heard=leases.c.site.not_in(sorted(unheard)))
    return frozenset(connection.execute(kept.returning(leases.c.site)).scalars())


def claim(connection: Connection, me: str, sites: Collection[str]) -> frozenset[str]:
    """Take those of some sites that nobody holds; return which."""
    if not sites:
        return frozenset()
    until = func.clock_timestamp() + LEASE
    statement = insert(leases).values([{"site": site, "holder": me, "until": until} for site in sorted(sites)])
    free = (leases.c.until <= func.now()) | (leases.c.holder == _FREE)
    taken = statement.on_conflict_do_update(
        index_elements=["site"], set_={"holder": me, "until": until, "heard": True}, where=free
    ).returning(leases.c.site)
    return frozenset(connection.execute(taken).scalars())


def release(connection: Connection, me: str, sites: Collection[str]) -> None:
    """Give sites up, so that another may take them at once."""
    if sites:
        mine = update(leases).where(leases.c.holder == me, leases.c.site.in_(sorted(sites)))
        connection.execute(mine.values(holder=_FREE))


def leave(connection: Connection, me: str) -> None:
    """Give up everything and be gone."""
    connection.execute(update(leases).where(leases.c.holder == me).values(holder=_FREE))
    connection.execute(delete(workers).where(workers.c.name == me))


def orphaned(connection: Connection) -> int:
    """Count the sites nobody answers for, or whoever does is not let hear."""
    held = select(leases.c.site).where(leases.c.holder != _FREE, leases.c.until > func.now(), leases.c.heard)
    return len(enrolled(connection) - set(connection.execute(held).scalars()))
