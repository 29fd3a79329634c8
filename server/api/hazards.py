"""The hazard ledger, read only: entries by page, and one with its whole story."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from server.accounts.sessions import Session
from server.accounts.web import Parts, require
from server.api.problems import Problem, declared
from server.errors import UnknownError
from server.ledger import query, store
from server.ledger.entry import Entry
from server.ledger.query import Wanted
from server.moments import Moment

router = APIRouter(prefix="/api/v1/hazards", tags=["hazards"])
Reader = Annotated[Session, Depends(require("hazards.read"))]


class HazardView(BaseModel):
    """One entry of the hazard ledger."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: int
    number: str = Field(description="its number in the register, as people write it")
    site: str
    agent: str
    point: str
    state: str
    source: str
    category: str
    grade: str
    place: str
    grid: str
    description: str
    simulated: bool
    found_at: Moment
    found_by: str
    last_at: Moment
    responsible: str
    deadline: Moment | None
    due_at: Moment | None
    count: int


class JournalView(BaseModel):
    """One row of the journal: nobody changes it afterwards."""

    model_config = ConfigDict(populate_by_name=True)

    n: int
    at: Moment
    by: str
    action: str
    source: str | None = Field(alias="from")
    target: str | None = Field(alias="to")
    body: dict[str, Any]
    hash: str


class HazardStory(HazardView):
    """One entry and all that happened to it, oldest first."""

    journal: tuple[JournalView, ...]


@router.get("", responses=declared(401, 403, 422))
def hazards(
    session: Reader,
    services: Parts,
    response: Response,
    site: Annotated[str, Query(max_length=40)] = "",
    open_: Annotated[bool | None, Query(alias="open", description="only open ones, or only closed ones")] = None,
    text: Annotated[str, Query(max_length=100)] = "",
    after: Annotated[str, Query(max_length=500, description="the header X-Next of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> list[HazardView]:
    """List entries, newest first; the header X-Next leads to the next page."""
    wanted = session.site or site
    with services.database.read.connect() as connection:
        page = query.page(
            connection,
            Wanted(sites=(wanted,) if wanted else None, open=open_, text=text.replace("\x00", "")),
            after=after,
            limit=limit,
        )
    if page.next is not None:
        response.headers["X-Next"] = page.next
    return [_view(entry) for entry in page.entries]


@router.get("/{hazard}", responses=declared(401, 403, 404, 422))
def hazard(hazard: int, session: Reader, services: Parts) -> HazardStory:
    """Show one entry with its whole story."""
    if not 0 < hazard < 2**63:
        raise UnknownError(f"hazard {hazard}: there is none")
    with services.database.read.connect() as connection:
        entry = store.get(connection, hazard)
        rows = query.story(connection, hazard)
    if session.site and entry.site != session.site:
        raise Problem(404, "Unknown", f"hazard {hazard}: there is none")
    return HazardStory.model_validate({**_view(entry).model_dump(), "journal": rows})


def _view(entry: Entry) -> HazardView:
    return HazardView.model_validate({**asdict(entry), "state": entry.state.value})
