"""三防 by what devices say: the share of a school's devices that work, kept as the proof of a standing duty."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, select

from config.duties import Duties, Duty
from contracts.vocabulary import Hazard
from server.alerts.tables import alerts
from server.duties.records import Deed, fulfil_one
from server.duties.tables import records
from server.duties.tasks import DEVICES
from server.presence.presence import PRESENCE
from server.presence.tables import points

SOURCE = DEVICES
NAMED = 20  # devices that do not work, told by name
BY = "设备状态"


@dataclass(frozen=True, slots=True)
class Proof:
    """How many of a school's devices work for a duty, and which do not."""

    duty: Duty
    site: str
    total: int
    out: tuple[str, ...]

    @property
    def percent(self) -> float:
        """The share that works, whole: 99.6 is not 100."""
        return float((self.total - len(self.out)) * 100 // self.total)


def changed(connection: Connection, duties: Duties) -> list[Proof]:
    """Return what devices say now where it is not what was kept last. It only reads."""
    asked = [duty for duty in duties.duties if duty.devices]
    if not asked:
        return []
    seen = _devices(connection, tuple({kind for duty in asked for kind in duty.devices}))
    kept = _kept(connection, tuple(duty.id for duty in asked))
    found: list[Proof] = []
    for duty in asked:
        for site, devices in seen.items():
            mine = [(name, works) for kind, name, works in devices if kind in duty.devices]
            if mine:
                proof = Proof(duty, site, len(mine), tuple(sorted(name for name, works in mine if not works)))
                if kept.get((duty.id, site)) != (proof.percent, "、".join(proof.out[:NAMED])):
                    found.append(proof)
    return found


def keep(connection: Connection, found: Sequence[Proof], now: datetime) -> None:
    """Keep what devices say as records of their duties."""
    for proof in found:
        evidence = {"应有": str(proof.total), "正常": str(proof.total - len(proof.out))}
        evidence["不正常"] = "、".join(proof.out[:NAMED])
        ref = f"{SOURCE}/{proof.site}/{now.isoformat()}"
        deed = Deed(proof.site, BY, now, amount=proof.percent, evidence=evidence, ref=ref)
        fulfil_one(connection, proof.duty, SOURCE, deed)


def proved(connection: Connection, duty: Duty, site: str) -> bool:
    """Tell whether a school's devices speak for a duty: then no person says otherwise."""
    if not duty.devices:
        return False
    there = (points.c.site == site) & points.c.kind.in_(duty.devices) & points.c.gone.is_(False)
    return connection.execute(select(points.c.id).where(there).limit(1)).first() is not None


def _devices(connection: Connection, kinds: tuple[str, ...]) -> dict[str, list[tuple[str, str, bool]]]:
    """By school: kind, name, and whether it works: no fault stands at it, and its agent is heard."""
    a = alerts.c
    standing = select(a.site, a.agent, a.point).where(a.open, a.active, a.kind == Hazard.FAULT.value)
    faults = {(row.site, row.agent, row.point) for row in connection.execute(standing)}
    found: dict[str, list[tuple[str, str, bool]]] = defaultdict(list)
    query = select(points).where(points.c.gone.is_(False), points.c.auxiliary.is_(False), points.c.kind.in_(kinds))
    for row in connection.execute(query.order_by(points.c.site, points.c.agent, points.c.id)):
        works = not {(row.site, row.agent, row.id), (row.site, row.agent, PRESENCE)} & faults
        found[row.site].append((row.kind, f"{row.place} {row.name}".strip() or row.id, works))
    return found


def _kept(connection: Connection, duties: tuple[str, ...]) -> dict[tuple[str, str], tuple[float, str]]:
    c = records.c
    newest = select(func.max(c.id).label("id")).where(c.duty.in_(duties), c.source == SOURCE).group_by(c.duty, c.site)
    last = newest.subquery()
    rows = connection.execute(select(records).join(last, and_(c.id == last.c.id)))
    return {(row.duty, row.site): (row.amount, row.evidence.get("不正常", "")) for row in rows}
