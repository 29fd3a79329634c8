"""Entries in lists: filters, pages, counts by state, and each sensor's precision; nobody sees more than his reach."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query

from server.accounts.sessions import Session
from server.accounts.web import Parts, require
from server.api.hazard_views import HazardView, ListView
from server.api.problems import declared
from server.api.refusals import refusals
from server.ledger import query

router = APIRouter(prefix="/api/v1/hazards", tags=["hazards"])
Reader = Annotated[Session, Depends(require("hazards.read"))]


def wanted(  # noqa: PLR0917 - one argument a filter
    session: Reader,
    services: Parts,
    site: Annotated[str, Query(max_length=40)] = "",
    state: Annotated[list[str] | None, Query()] = None,
    category: Annotated[list[str] | None, Query()] = None,
    grade: Annotated[list[str] | None, Query()] = None,
    source: Annotated[list[str] | None, Query()] = None,
    register: Annotated[int | None, Query(ge=2000, le=2200)] = None,
    view: Annotated[Literal["", "mine", "overdue", "major", "unjudged"], Query(description="a saved view")] = "",
    open_: Annotated[bool | None, Query(alias="open")] = None,
    point: Annotated[str, Query(max_length=40)] = "",
    grid: Annotated[str, Query(max_length=200)] = "",
    q: Annotated[str, Query(max_length=100)] = "",
) -> query.Wanted:
    """Gather the filters; nobody sees more than his reach."""
    majors = tuple(g.id for g in services.ledger.judgement.grades if g.major)
    return query.Wanted(
        reach=session.reach.at(site),
        person=session.user,
        grid=grid,
        states=("found", "registered") if view == "unjudged" else tuple(state or ()),
        categories=tuple(category or ()),
        grades=majors if view == "major" else tuple(grade or ()),
        sources=tuple(source or ()),
        register=register,
        responsible=session.user if view == "mine" else "",
        point=point,
        open=True if view in {"mine", "major"} else open_,
        overdue_at=services.now() if view == "overdue" else None,
        text=q.strip().replace("\0", ""),
    )


Filter = Annotated[query.Wanted, Depends(wanted)]


@router.get("", responses=declared(401, 403, 422))
def listed(
    _session: Reader,
    services: Parts,
    chosen: Filter,
    sort: query.Sort = "-found_at",
    after: Annotated[str, Query(max_length=200, description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=query.MOST)] = 50,
) -> ListView:
    """List entries a page at a time."""
    with refusals(), services.database.read.connect() as connection:
        page = query.page(connection, chosen, sort, after, limit)
    views = [HazardView.of(entry, services.ledger.judgement) for entry in page.entries]
    return ListView(items=views, next=page.next)


@router.get("/counts", responses=declared(401, 403, 422))
def counts(_session: Reader, services: Parts, chosen: Filter) -> dict[str, int]:
    """Count entries by state."""
    with services.database.read.connect() as connection:
        return query.counts(connection, chosen)


@router.get("/precision", responses=declared(401, 403))
def precision(session: Reader, services: Parts) -> list[dict[str, Any]]:
    """Show per sensor how many of its settled entries were real."""
    with services.database.read.connect() as connection:
        return query.precision(connection, session.reach)
