"""An alert as pages and other programs see it."""

from __future__ import annotations

from datetime import UTC
from operator import attrgetter
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from contracts.messages import Value
from server.alerts.alert import Alert, Change
from server.moments import Moment, in_utc


class AlertView(BaseModel):
    """One alert. Its own clock is `began_at`; `received_at` is the server's and orders the ledger."""

    model_config = ConfigDict(frozen=True, from_attributes=True, ser_json_inf_nan="null")

    id: str
    n: int = Field(description="number of its newest change: the SSE id")
    site: str
    agent: str
    point: str = Field(description="a point's id; `_presence`, `_sequence`, `_storage` for the agent's own faults")
    name: str
    place: str
    grid: str
    kind: str = Field(description="the hazard, e.g. smoke, or fault")
    severity: str = Field(description="critical, warning, advisory or fault")
    state: Literal["active-unacked", "active-acked", "cleared-unacked", "cleared-acked"]
    reason: str
    value: Value
    unit: str
    began_at: Moment
    received_at: Moment
    cleared_at: Moment | None
    acked_at: Moment | None
    acked_by: str
    comment: str
    count: int = Field(description="how often it came on while open")
    hazard: int | None = Field(description="its entry in the hazard ledger")
    simulated: bool
    drill: bool
    late: bool = Field(description="arrived more than 60 s after it happened: history, no siren")
    latched: bool = Field(description="stays active until a person resets it")
    normal_at: Moment | None = Field(description="latched: since when the point itself is normal again")
    reset_at: Moment | None
    reset_by: str
    shelved_until: Moment | None


_NAMES = tuple(name for name in AlertView.model_fields if name != "n")
_MOMENTS = ("began_at", "received_at", "cleared_at", "acked_at", "normal_at", "reset_at", "shelved_until")
_VALUES = attrgetter(*_NAMES)


def payload(alert: Alert, change: Change) -> str:
    """Return an alert for the change feed, as JSON: its view without `n`, which the feed itself gives, and the change.

    An alert needs no check to become its own view, and every event has one: a test holds this and the view together.
    """
    view: dict[str, Any] = dict(zip(_NAMES, _VALUES(alert), strict=True))
    for name in _MOMENTS:
        at = view[name]
        if at is not None and at.tzinfo is not UTC:
            view[name] = in_utc(at)
    view["change"] = change.value
    return to_json(view, inf_nan_mode="null").decode()
