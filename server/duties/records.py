"""Doing a duty: a person's record, or the proof that a drill, a patrol or a sensor gives."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select

from config.duties import Duties, Duty
from server.database import insert_new
from server.duties.tables import records, subjects
from server.ledger.guards import MissingError, RuleError

_KINDS = {"class": "班级", "grid": "网格", "water": "水域"}


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done. `subject` is the class, grid, water or account it counts for; empty for the school itself."""

    site: str
    by: str
    at: datetime
    subject: str = ""
    amount: float = 1
    evidence: Mapping[str, Any] | None = None
    ref: str = ""


def record(connection: Connection, duty: Duty, deed: Deed) -> None:
    """Store a person's record; refuse one without its evidence, and one that only a proof may give."""
    if not duty.by_hand:
        where = f"，请到 {duty.page}" if duty.page else ""
        raise RuleError(f"“{duty.zh}”办结后自动记录，不能手工填写{where}")
    _known(connection, duty, deed)
    evidence = dict(deed.evidence or {})
    missing = tuple(name for name in duty.evidence if not str(evidence.get(name, "")).strip())
    zero = duty.zero_report and str(evidence.get("零报告", "")).strip()
    if missing and not zero:
        hint = "（没有发现隐患时请填“零报告”）" if duty.zero_report else ""
        raise MissingError(f"{duty.zh}：还缺 {'、'.join(missing)}{hint}", missing)
    if duty.period == "standing":
        if not 0 <= deed.amount <= duty.target:
            raise MissingError(f"{duty.zh}：{deed.amount:g} {duty.unit} 不对，应为 0 到 {duty.target:g}", ("amount",))
    elif not 0 < deed.amount <= 10_000:
        raise MissingError(f"{duty.zh}：数量 {deed.amount:g} 不对，应大于 0 {duty.unit}", ("amount",))
    _insert(connection, duty, deed, "person")


def _known(connection: Connection, duty: Duty, deed: Deed) -> None:
    """Refuse a record for a class, grid or water that is not there: it would count for nobody."""
    kind = _KINDS.get(duty.subject)
    c = subjects.c
    same = select(c.id).where(c.site == deed.site, c.kind == duty.subject, c.id == deed.subject)
    if kind and connection.execute(same).first() is None:
        raise MissingError(f"{duty.zh}：没有“{deed.subject}”这个{kind}", ("subject",))


def fulfil(connection: Connection, duties: Duties, proof: str, deed: Deed) -> int:
    """Tick every duty that this kind of proof proves; return how many. The same `ref` ticks once."""
    proved = [duty for duty in duties.duties if proof in duty.proved_by]
    return sum(_insert(connection, duty, deed, proof) for duty in proved)


def fulfil_one(connection: Connection, duty: Duty, proof: str, deed: Deed) -> bool:
    """Tick one duty by what proved it; False where the same proof did before."""
    return _insert(connection, duty, deed, proof)


def take_back(connection: Connection, proof: str, ref: str) -> int:
    """Un-tick what a proof ticked that no longer holds, such as a drill declared void; return how many duties."""
    told = (records.c.source == proof) & records.c.ref.like(f"%/{_plain(ref)}", escape="\\")
    return connection.execute(delete(records).where(told)).rowcount


def _plain(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _insert(connection: Connection, duty: Duty, deed: Deed, source: str) -> bool:
    # A grid's patrol also counts for the school's own number of patrols: the school's records have no subject.
    subject = "" if duty.subject == "school" else deed.subject
    row = {
        "duty": duty.id, "site": deed.site, "subject": subject, "at": deed.at, "by": deed.by, "amount": deed.amount,
        "evidence": dict(deed.evidence or {}), "source": source, "ref": f"{duty.id}/{deed.ref or uuid.uuid4()}",
    }  # fmt: skip
    return insert_new(connection, records, row)
