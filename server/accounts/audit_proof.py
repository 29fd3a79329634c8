"""The proof of the audit: every line, its place and its hash, from where the retention let it begin to its tip."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

from sqlalchemy import Connection, func, select

from server.accounts.audit import CHAIN, Line
from server.accounts.tables import audit
from server.ledger.journal import GENESIS
from server.ledger.tables import chains
from server.ledger.verify import Break, Tip
from server.retention import BEGINS

PAGE = 5000
_BEGINS = re.compile(re.escape(BEGINS).replace(r"\{\}", r"(\d+)") + "$")
_COLUMNS = [audit.c[column.name] for column in fields(Line)]


@dataclass(frozen=True, slots=True)
class Found:
    """What a pass over the audit found."""

    lines: int = 0
    broken: Break | None = None


def prove(connection: Connection, anchors: Iterable[Tip] = ()) -> Found:
    """Check the chain of the audit; `anchors` are tips that were signed or noted outside of the database."""
    noted = {tip.n: tip.hash for tip in anchors}
    begin, allowed, last, lines = 0, 1, Tip(CHAIN, 0, GENESIS), 0
    for line, hash_ in _stored(connection):
        begin = begin or line.place
        if (broken := _wrong(line, hash_, last, begin)) is not None:
            return Found(lines, broken)
        if noted.get(line.place, hash_) != hash_:
            return Found(lines, _broken(line.place, "is not the line that was anchored: the chain was written anew"))
        if line.action == "retention" and (told := _BEGINS.search(line.text)) is not None:
            allowed = int(told[1])
        last, lines = Tip(CHAIN, line.place, hash_), lines + 1
    return Found(lines, _ends(connection, last, begin, allowed, max(noted, default=0)))


def _stored(connection: Connection) -> Iterator[tuple[Line, str]]:
    last = 0
    while True:
        page = select(*_COLUMNS, audit.c.hash).where(audit.c.place > last).order_by(audit.c.place).limit(PAGE)
        rows = connection.execute(page).all()
        if not rows:
            return
        for *values, hash_ in rows:
            yield Line(*values), hash_
        last = rows[-1].place


def _wrong(line: Line, hash_: str, last: Tip, begin: int) -> Break | None:
    if line.place not in (begin, last.n + 1):
        return _broken(last.n + 1, f"is missing (line {line.place} follows line {last.n})")
    if line.hash() != hash_:
        return _broken(line.place, "was altered: its content does not match its hash")
    if line.place > begin and line.previous != last.hash:
        return _broken(line.place, f"does not follow line {last.n}: a line was exchanged or rewritten")
    return None


def _ends(connection: Connection, last: Tip, begin: int, allowed: int, anchored: int) -> Break | None:
    if begin > allowed:
        return _broken(allowed, f"is missing: the audit begins at line {begin}, and no retention says so")
    tip = connection.execute(select(chains.c.n, chains.c.hash).where(chains.c.site == CHAIN)).one_or_none()
    n, hash_ = (tip.n, tip.hash) if tip is not None else (0, GENESIS)
    if max(n, anchored) > last.n:
        return _broken(last.n + 1, f"is missing: the audit had {max(n, anchored)} lines")
    if (n, hash_) != (last.n, last.hash):
        return _broken(last.n, "is not where the audit ends: lines were added past the program")
    return _strangers(connection)


def _strangers(connection: Connection) -> Break | None:
    """Lines outside of the chain are those written before there was one: none can be newer than its first."""
    first = select(func.min(audit.c.n)).where(audit.c.place.is_not(None)).scalar_subquery()
    stranger = select(audit.c.n).where(audit.c.place.is_(None), audit.c.n > first).limit(1)
    found = connection.execute(stranger).scalar()
    return None if found is None else _broken(0, f"number {found} stands outside of the chain: put in past the program")


def _broken(place: int, what: str) -> Break:
    return Break(CHAIN, place, what, "audit line")
