"""What the 周研判 and the 月调度 have before them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from config.judgement import Judgement
from server.accounts.sessions import Session
from server.accounts.web import Parts, require
from server.api.hazard_views import HazardView
from server.api.problems import declared
from server.ledger import packs, query
from server.ledger.packs import Pack, lacking
from server.moments import Day

router = APIRouter(prefix="/api/v1/hazards", tags=["hazards"])
Reader = Annotated[Session, Depends(require("hazards.read"))]


class PackView(BaseModel):
    """The papers of one meeting."""

    title: str
    first: date
    last: date
    found: list[HazardView]
    unjudged: list[dict[str, Any]]
    major: list[HazardView]
    overdue: list[HazardView]
    common: list[tuple[str, int]]
    states: dict[str, int]
    totals: dict[str, int]
    minutes: str = Field(default="", description="of the 周研判 of one school")
    decided: list[HazardView] = []

    @classmethod
    def of(cls, pack: Pack, judgement: Judgement) -> PackView:
        """Show a pack."""
        views = {
            name: [HazardView.of(e, judgement) for e in getattr(pack, name)]
            for name in ("found", "major", "overdue", "decided")
        }
        unjudged = [
            {"id": e.id, "number": e.number, "title": e.description, "lacking": list(lacking(e, judgement))}
            for e in pack.unjudged
        ]
        return cls(
            title=pack.title, first=pack.first, last=pack.last, found=views["found"], unjudged=unjudged,
            major=views["major"], overdue=views["overdue"], common=list(pack.common), states=pack.states,
            totals=pack.totals, minutes=pack.meeting.minutes if pack.meeting else "", decided=views["decided"],
        )  # fmt: skip


@router.get("/packs/{kind}", responses=declared(401, 403, 422))
def pack(
    kind: Literal["week", "month"],
    session: Reader,
    services: Parts,
    day: Day | None = None,
    site: str = "",
) -> PackView:
    """Give what the 周研判 or the 月调度 has before it."""
    whose, now = query.Wanted(reach=session.reach.at(site), person=session.user), services.now()
    make = packs.week if kind == "week" else packs.month
    with services.database.read.connect() as connection:
        made = make(connection, services.ledger.judgement, whose, day or now.astimezone(services.plan.zone).date(), now)
    return PackView.of(made, services.ledger.judgement)
