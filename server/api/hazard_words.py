"""What the forms of the ledger may offer: the words of every column, its people, its schools."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from sqlalchemy import select

from config.judgement import Judgement
from server.accounts.looking import viewed
from server.accounts.reach import EVERY
from server.accounts.sessions import Session
from server.accounts.tables import user_reach, users
from server.accounts.web import Parts, require
from server.api.problems import declared
from server.duties.bearers import known_sites, school_names
from server.ledger.ahead import label
from server.ledger.entry import STATE_NAMES
from server.ledger.guards import COLUMN_NAMES

router = APIRouter(prefix="/api/v1/hazards", tags=["hazards"])
Reader = Annotated[Session, Depends(require("hazards.read"))]


class WordsView(BaseModel):
    """What a form may offer: options of each column, labels, who may be made responsible."""

    options: dict[str, list[dict[str, str]]]
    labels: dict[str, str]
    three_parts: list[str]
    three_clear: list[str]
    major_needs: list[str]
    majors: list[str]
    people: list[str]
    sites: list[dict[str, str]]

    @classmethod
    def of(cls, judgement: Judgement, people: list[str], sites: list[dict[str, str]]) -> WordsView:
        """Show the dictionary."""
        columns = ("grade", "layer", "term", "category", "source", "false_cause", "clause", "supervision")
        options = {name: [{"id": i, "zh": zh} for i, zh in judgement.words(name).items()] for name in columns}
        options["state"] = [{"id": state.value, "zh": zh} for state, zh in STATE_NAMES.items()]
        return cls(
            options=options, labels={name: label(name, judgement) for name in COLUMN_NAMES},
            three_parts=[f.field for f in judgement.three_parts], three_clear=[f.field for f in judgement.three_clear],
            major_needs=[f.field for f in judgement.major_needs], majors=[g.id for g in judgement.grades if g.major],
            people=people, sites=sites,
        )  # fmt: skip


@router.get("/words", responses=declared(401, 403, 422))
def words(
    session: Reader,
    services: Parts,
    site: Annotated[str, Query(max_length=40)] = "",
) -> WordsView:
    """Give what a form may offer: words of every column; the school's people to those who assign."""
    reach = session.reach.at(site)
    seen = user_reach.c.site.in_([reach.only]) if reach.only else user_reach.c.site == EVERY
    own = select(users.c.name).where(~users.c.disabled, users.c.id.in_(select(user_reach.c.user).where(seen)))
    above = select(user_reach.c.user).where(user_reach.c.site == EVERY)
    others = select(users.c.name).where(~users.c.disabled, users.c.id.in_(above))
    with services.database.read.connect() as connection:
        found = [*connection.execute(own.order_by(users.c.name)).scalars()]
        found += connection.execute(others.order_by(users.c.name)).scalars()
        people = list(dict.fromkeys(found)) if session.may("hazards.assign") else []
        if people:
            viewed(services, session, "people viewed", "of " + (reach.only or "every school"))
        known = known_sites(connection)
        names = school_names(connection, services.plan)
    sites = [{"id": one, "zh": names.get(one, one)} for one in known if reach.sees(one)]
    return WordsView.of(services.ledger.judgement, people, sites)
