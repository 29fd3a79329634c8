"""What lies ahead of an entry: the steps this person may take, what each still lacks, and the one that comes next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from config.judgement import Judgement
from server.accounts.permissions import Role
from server.ledger.entry import Entry
from server.ledger.guards import COLUMN_NAMES, Actor, MissingError, PersonError, RuleError
from server.ledger.machine import TRANSITIONS, Transition, tried

FORWARD = ("register", "judge", "assign", "start", "submit", "accept", "close", "archive")


@dataclass(frozen=True, slots=True)
class Ahead:
    """One step: `missing` are the columns it still wants, `refused` why this person may not take it."""

    transition: Transition
    missing: tuple[str, ...]
    refused: str


def ahead(entry: Entry, actor: Actor, judgement: Judgement, now: datetime) -> list[Ahead]:
    """Return every step that leads on from here for this role, with what stands in its way."""
    open_ = (t for t in TRANSITIONS if entry.state in t.sources and actor.role in t.roles)
    return [_seen(entry, t, actor, judgement, now) for t in open_]


def coming(entry: Entry, judgement: Judgement, now: datetime) -> Ahead | None:
    """Return the step that comes next, whoever may take it; None where the story is at its end."""
    anybody = Actor("", Role.CITY)
    steps = [_seen(entry, t, anybody, judgement, now) for t in TRANSITIONS if entry.state in t.sources]
    forward = [step for step in steps if step.transition.action in FORWARD]
    for step in reversed(forward):  # what it lacks must be its own to fill in: else the step before it comes first
        if set(step.missing) <= set(step.transition.fields):
            return step
    return forward[0] if forward else None


def label(field: str, judgement: Judgement) -> str:
    """Return what a column is called for people: the judgement's own label before the usual one."""
    own = (*judgement.three_parts, *judgement.three_clear, *judgement.major_needs)
    return next((one.zh for one in own if one.field == field), COLUMN_NAMES.get(field, field))


def _seen(entry: Entry, transition: Transition, actor: Actor, judgement: Judgement, now: datetime) -> Ahead:
    step = tried(entry, transition, actor, judgement, now)
    missing: dict[str, None] = {}
    refused = ""
    for guard in transition.guards:
        try:
            guard(step)
        except MissingError as e:
            missing |= dict.fromkeys(e.fields)
        except (PersonError, RuleError) as e:
            refused = refused or str(e)
    return Ahead(transition, tuple(missing), refused)
