"""What is said to the water side, and what it answers: checked before anything else looks at it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from contracts.messages import Value
from server.alerts.view import AlertView
from server.moments import Moment
from server.water.board import Tile

SmallId = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9._:-]+$")]
Line = Annotated[str, Field(max_length=300, pattern=r"^[^\x00-\x1f]*$")]


class WaterView(BaseModel):
    """One zone or point at the water, with the alerts that are open there."""

    site: str
    agent: str
    id: str
    name: str
    kind: str
    place: str
    value: Value
    at: Moment | None
    alerts: tuple[AlertView, ...]


class BoardView(BaseModel):
    """All tiles, by state and then by grade."""

    server_time: Moment
    tiles: tuple[Tile, ...]


class DispatchBody(BaseModel):
    """Somebody is sent; `who` is the sender himself where it is empty."""

    id: SmallId
    who: Annotated[str, Field(max_length=80, pattern=r"^[^\x00-\x1f]*$")] = ""


class ArrivalBody(BaseModel):
    """Who was sent is there."""

    id: SmallId


class CheckInBody(BaseModel):
    """A visit to the checkpoint of a code."""

    id: SmallId
    token: SmallId
    gear: dict[Annotated[str, Field(max_length=20)], bool] = Field(default={}, max_length=10)
    note: Line = ""
    trouble: bool = False
    age_s: float = Field(default=0.0, ge=0, le=7 * 86_400, description="how long ago, where the phone had no network")


class CheckedIn(BaseModel):
    """What came of it."""

    hazards: tuple[int, ...] = Field(description="entries of the ledger")
    left: tuple[str, ...] = Field(description="checkpoints still to be visited today")
    fulfilled: bool = Field(description="the duty is ticked")
