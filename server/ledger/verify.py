"""Prove the journal: every hash, number, tip and signed head, and the entries against what was journalled."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from server.accounts import audit
from server.accounts.reach import EVERYWHERE, Reach
from server.ledger.entry import State
from server.ledger.journal import GENESIS, Row, digest, moment
from server.ledger.tables import chains, hazards, journal

PAGE = 5000


@dataclass(frozen=True, slots=True)
class Tip:
    """Where a chain ends, or ended when somebody noted it down."""

    site: str
    n: int
    hash: str


@dataclass(frozen=True, slots=True)
class Break:
    """The first row that is not as it was written."""

    site: str
    n: int
    what: str
    kind: str = "journal row"

    def __str__(self) -> str:
        return f"{self.site}: {self.kind} {self.n}: {self.what}"


@dataclass(slots=True)
class Proof:
    """What a pass over one or more chains found. `tips` are where they end."""

    rows: int = 0
    audit_lines: int = 0
    tips: dict[str, Tip] = field(default_factory=dict[str, Tip])
    broken: Break | None = None
    entries: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])


def verify(connection: Connection, anchors: Iterable[Tip] = (), reach: Reach = EVERYWHERE) -> Proof:
    """Check the journal of the schools within reach; `anchors` are tips that were noted outside of it."""
    proof = prove(stored(connection, reach), anchors)
    if proof.broken is None:
        proof.broken = _tips_agree(connection, proof, reach) or _entries_agree(connection, proof, reach)
    return proof


def prove(rows: Iterable[Row], anchors: Iterable[Tip] = ()) -> Proof:
    """Check rows in the order of their sites and numbers, wherever they come from."""
    proof = Proof()
    noted: dict[tuple[str, int], str] = {(tip.site, tip.n): tip.hash for tip in anchors}
    for row in rows:
        proof.broken = _wrong(row, proof.tips.get(row.site), noted.pop((row.site, row.n), None))
        if proof.broken is not None:
            return proof
        proof.tips[row.site] = Tip(row.site, row.n, row.hash)
        proof.rows += 1
        _replay(proof.entries, row)
    for (site, n), _ in sorted(noted.items()):
        last = proof.tips.get(site, Tip(site, 0, GENESIS)).n
        if n > last:
            what = f"is missing: row {n} was anchored, the journal ends at {last} (cut off, or an old copy put back)"
            proof.broken = Break(site, last + 1, what)
            return proof
    return proof


def stored(connection: Connection, reach: Reach = EVERYWHERE) -> Iterator[Row]:
    """Return the journal in the order of sites and numbers, a page at a time."""
    known = select(journal.c.site).where(*reach.where(journal.c.site)).distinct().order_by(journal.c.site)
    for site in connection.execute(known).scalars().all():
        last = -1
        while True:
            page = select(journal).where(journal.c.site == site, journal.c.n > last).order_by(journal.c.n).limit(PAGE)
            rows = connection.execute(page).all()
            if not rows:
                break
            yield from (Row(**dict(row._mapping)) for row in rows)  # noqa: SLF001 - SQLAlchemy's public way
            last = rows[-1].n


def _wrong(row: Row, before: Tip | None, noted: str | None) -> Break | None:
    n, hash_ = (before.n, before.hash) if before is not None else (0, GENESIS)
    if row.n != n + 1:
        missing = f"is missing (row {row.n} follows row {n})" if row.n > n else f"stands after row {n}: out of order"
        return Break(row.site, n + 1 if row.n > n else row.n, missing)
    if digest(row) != row.hash:
        return Break(row.site, row.n, "was altered: its content does not match its hash")
    if row.previous != hash_:
        return Break(row.site, row.n, f"does not follow row {n}: a row was exchanged or rewritten")
    if noted is not None and noted != row.hash:
        return Break(row.site, row.n, "is not the row that was anchored: the chain was written anew")
    return None


def _tips_agree(connection: Connection, proof: Proof, reach: Reach) -> Break | None:
    here = reach.where(chains.c.site)
    known = select(chains.c.site, chains.c.n, chains.c.hash).where(chains.c.site != audit.CHAIN, *here)
    for site, n, hash_ in connection.execute(known):
        tip = proof.tips.get(site, Tip(site, 0, GENESIS))
        if n > tip.n:
            return Break(site, tip.n + 1, f"is missing: the chain had {n} rows, the journal ends at {tip.n}")
        if (n, hash_) != (tip.n, tip.hash):
            return Break(site, tip.n, "is not where the chain ends: rows were added past the program")
    return None


def _replay(entries: dict[int, dict[str, Any]], row: Row) -> None:
    body = json.loads(row.body)
    entry = entries.setdefault(row.hazard, {"journal": (row.site, row.n)})
    entry.update(body.get("set", {}))
    entry["journal"] = (row.site, row.n)


def _entries_agree(connection: Connection, proof: Proof, reach: Reach) -> Break | None:
    """The entries are what the journal says, column by column."""
    seen: set[int] = set()
    entries = select(hazards).where(*reach.where(hazards.c.site)).order_by(hazards.c.id)
    for row in connection.execute(entries).yield_per(PAGE):
        values: dict[str, Any] = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public way
        told = proof.entries.get(values["id"])
        if told is None:
            return Break(values["site"], 0, f"none speaks of entry {values['number']}: it was put in past the program")
        seen.add(values["id"])
        for name, value in values.items():
            if name in told and told[name] != _told(value):
                site, n = told["journal"]
                return Break(site, n, f"says {name} of {values['number']} is {told[name]!r}, the entry says {value!r}")
    for hazard in sorted(proof.entries.keys() - seen):
        site, n = proof.entries[hazard]["journal"]
        return Break(site, n, f"speaks of entry {proof.entries[hazard].get('number', hazard)}, which is gone")
    return None


def _told(value: Any) -> Any:
    if isinstance(value, State):
        return value.value
    return moment(value) if hasattr(value, "astimezone") else value
