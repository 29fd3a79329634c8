"""For which school a request is, where it is for one, and who acts."""

from __future__ import annotations

from server.accounts.sessions import Session
from server.api.problems import Problem
from server.ledger.guards import Actor


def school_of(session: Session, site: str) -> str:
    """Return the school that is written to: the one named, or the account's only one."""
    chosen = site or session.reach.only
    if not chosen:
        raise Problem(422, "Not understood", "请指明学校（site）")
    if not session.reach.sees(chosen):
        raise Problem(403, "Not allowed", f"{chosen}：不是您所在的学校")
    return chosen


def school_or_all(session: Session, site: str) -> str:
    """Return the school that is written to, empty for what holds at all schools: for those who see all."""
    return site if session.reach.sites is None else school_of(session, site)


def actor_of(session: Session) -> Actor:
    """Return who acts, as the ledger's rules ask."""
    return Actor(session.user, session.role, session.reach)
