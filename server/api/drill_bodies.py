"""What is asked of drills, and what is answered to a phone: checked before anything else looks at it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from contracts.topics import ID_PATTERN
from server.drills.clocks import UNKNOWN_DOUBT_S, Moment, Trust
from server.drills.inputs import Arrived, DrillKind, Reported
from server.drills.record import LONGEST
from server.moments import AskedMoment

SmallId = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9._:-]+$")]
Text = Annotated[str, Field(max_length=LONGEST)]


class NewDrill(BaseModel):
    """What is planned."""

    site: str = Field(pattern=ID_PATTERN)
    kind: DrillKind = DrillKind.FIRE
    name: str = Field(default="", max_length=200)
    buildings: tuple[str, ...] = Field(default=(), max_length=100)
    people: int | None = Field(default=None, ge=1, le=100_000)  # expected, where no class list is kept
    planned_at: AskedMoment | None = None
    starts_itself: bool = False
    armed_minutes: float = Field(default=0, ge=0, le=24 * 60)  # from now (or the planned time) a trigger starts it
    shelter_s: float | None = Field(default=None, gt=0, le=3600)


class SignalBody(BaseModel):
    """A signal sounds. The `id` is made by who sends it: sending it again changes nothing."""

    id: SmallId
    signal: Literal["alarm", "shelter", "evacuate"] = "evacuate"


class EndBody(BaseModel):
    """End by hand, or declare void and say why."""

    id: SmallId
    reason: Text = ""


class RollBody(BaseModel):
    """A class's word from its assembly place; times are the phone's guess of the server's clock."""

    id: SmallId
    kind: Literal["arrived", "reported"]
    class_id: str = Field(pattern=ID_PATTERN)
    at_ms: float = Field(ge=0, le=1e14)
    plus_minus_ms: float | None = Field(default=None, ge=0, le=1e9)
    expected: int = Field(default=0, ge=0, le=10_000)
    present: int = Field(default=0, ge=0, le=10_000)
    excused: int = Field(default=0, ge=0, le=10_000)

    @model_validator(mode="after")
    def _adds_up(self) -> RollBody:
        if self.present + self.excused > self.expected and self.kind == "reported":
            raise ValueError("实到与免演之和不能多于应到")
        return self


class Rolled(BaseModel):
    """Which words are kept now; those need not be sent again."""

    kept: tuple[str, ...]


class ProblemBody(BaseModel):
    """A problem that was seen; it becomes an entry of the ledger."""

    id: SmallId
    text: str = Field(min_length=1, max_length=LONGEST)
    place: str = Field(default="", max_length=200)


class ServerClock(BaseModel):
    """The server's clock, for pages that time something themselves."""

    server_ms: float


def rolled(body: RollBody, received_s: float, by: str) -> Arrived | Reported:
    """Believe a phone's time as far as it vouches for it; nothing was said after it was received."""
    if body.plus_minus_ms is None:
        when = Moment(received_s, UNKNOWN_DOUBT_S, Trust.UNKNOWN)
    else:
        when = Moment(min(body.at_ms / 1000, received_s), body.plus_minus_ms / 1000, Trust.MEASURED)
    if body.kind == "arrived":
        return Arrived(body.id, body.class_id, when)
    return Reported(body.id, body.class_id, when, body.expected, body.present, body.excused, by)
