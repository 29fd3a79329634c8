"""A patrol's word from a checkpoint: kept once, missing gear into the ledger, the duty ticked when all were visited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from config.water import WaterSection
from server.accounts.audit import note
from server.accounts.sessions import Session
from server.changes import announce
from server.database import insert_new
from server.duties.records import Deed, fulfil
from server.duties.slots import start_of
from server.ledger.actions import Finding, report
from server.ledger.guards import Actor
from server.services import Services
from server.water.records import GEAR_ZH, visited
from server.water.tables import patrols


@dataclass(frozen=True, slots=True)
class CheckIn:
    """What a person says at a checkpoint. `id` is the phone's: sent again it changes nothing."""

    id: str
    checkpoint: str
    gear: Mapping[str, bool]
    note: str = ""
    trouble: bool = False  # the note tells of a hazard
    age_s: float = 0.0  # how long ago, by the phone, where it had no network


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    hazards: tuple[int, ...]
    left: tuple[str, ...]  # names of checkpoints still to be visited today
    fulfilled: bool


def check_in(
    connection: Connection, services: Services, water: WaterSection, word: CheckIn, session: Session
) -> Outcome:
    """Record a visit with all that follows from it, in one transaction."""
    received = services.now()
    now = received - timedelta(seconds=word.age_s)
    gear = {item: bool(there) for item, there in word.gear.items() if item in water.gear}
    row = {
        "id": word.id, "site": water.site, "water": water.id, "checkpoint": word.checkpoint, "at": now,
        "by": session.user, "gear": gear, "note": word.note,
    }  # fmt: skip
    seen = visited(connection, water, start_of(now.astimezone(services.plan.zone).date(), services.plan.zone))
    left = tuple(c.name for c in water.checkpoint if c.id not in seen | {word.checkpoint})
    if not insert_new(connection, patrols, row):
        return Outcome((), left, fulfilled=not left)
    place = next(c.name for c in water.checkpoint if c.id == word.checkpoint)
    hazards = _hazards(connection, services, water, word, session, place)
    if not left:
        _tick(connection, services, water, word, session.user, now)
    note(connection, received, session.user, "water patrol", f"{water.site}/{water.id}/{word.checkpoint}")
    announce(connection, received, "water", water.site, {"water": water.id, "patrol": word.id})
    return Outcome(hazards, left, fulfilled=not left)


def _hazards(
    connection: Connection, services: Services, water: WaterSection, word: CheckIn, session: Session, place: str
) -> tuple[int, ...]:
    missing = [item for item in water.gear if word.gear.get(item) is False]
    found = [(f"{water.name}：缺少{GEAR_ZH[item]}", f"water/{water.id}/gear/{item}") for item in missing]
    if word.trouble and word.note.strip():
        found.append((f"{water.name} {place}：{word.note.strip()}", f"water/{water.id}/patrol/{word.id}"))
    actor = Actor(session.user, session.role, session.reach)
    return tuple(
        report(connection, services.ledger, Finding(
            water.site, "daily-check", words, place=water.place or water.name, grid=water.grid, category="water",
            cause=cause,
        ), actor).id
        for words, cause in found
    )  # fmt: skip


def _tick(
    connection: Connection, services: Services, water: WaterSection, word: CheckIn, by: str, now: datetime
) -> None:
    evidence = {GEAR_ZH[item]: "在位" if word.gear.get(item) else "缺失" for item in water.gear if item in word.gear}
    duties, ref = services.plan.duties, f"water/{word.id}"
    fulfil(connection, duties, "water-patrol", Deed(water.site, by, now, water.id, 1, evidence, ref))
    if water.grid:
        fulfil(connection, duties, "patrol", Deed(water.site, by, now, water.grid, 1, {"点位": water.name}, ref))
