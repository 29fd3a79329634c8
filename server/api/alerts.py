"""Alerts: what is wrong now, and what persons do about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from contracts.messages import Reset
from server.accounts.audit import note
from server.accounts.sessions import Session
from server.accounts.web import Parts, require
from server.alerts import actions
from server.alerts.actions import By
from server.alerts.alert import Alert
from server.alerts.store import listed, load
from server.alerts.view import AlertView
from server.api.problems import declared
from server.errors import UnknownError
from server.services import Services

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"])

Reader = Annotated[Session, Depends(require("alerts.read"))]


class Ack(BaseModel):
    """An acknowledgement, with a comment where there is something to say."""

    comment: str = Field(default="", max_length=2000)


class Comment(BaseModel):
    """What a person has to say."""

    text: str = Field(min_length=1, max_length=2000)


class Shelve(BaseModel):
    """For how long, and why."""

    minutes: float = Field(gt=0, le=24 * 60)
    reason: str = Field(min_length=1, max_length=2000)


@router.get("", responses=declared(401, 403, 422))
def alerts(
    session: Reader,
    services: Parts,
    open_: Annotated[bool, Query(alias="open", description="only what is active or not yet acknowledged")] = True,  # noqa: FBT002
    site: Annotated[str, Query(max_length=40)] = "",
    before: Annotated[int | None, Query(description="only with an older newest change than this number")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[AlertView]:
    """List alerts: open ones by severity and then age, all of them by their newest change."""
    with services.database.read.connect() as connection:
        found = listed(connection, reach=session.reach.at(site), only_open=open_, limit=limit, before=before)
    return [AlertView.model_validate(alert) for alert in found]


@router.get("/{alert_id}", responses=declared(401, 403, 404))
def alert(alert_id: str, session: Reader, services: Parts) -> AlertView:
    """Show one alert."""
    with services.database.read.connect() as connection:
        return AlertView.model_validate(_own(session, load(connection, alert_id)))


@router.post("/{alert_id}/ack", responses=declared(401, 403, 404, 422, 503))
def ack(
    alert_id: str, session: Annotated[Session, Depends(require("alerts.ack"))], services: Parts, body: Ack | None = None
) -> AlertView:
    """Say that a person knows."""
    comment = body.comment if body else ""
    return _act(services, session, "ack", alert_id, lambda c, by: actions.acknowledge(c, alert_id, by, comment))


@router.post("/{alert_id}/comment", responses=declared(401, 403, 404, 422, 503))
def comment(
    alert_id: str, body: Comment, session: Annotated[Session, Depends(require("alerts.comment"))], services: Parts
) -> AlertView:
    """Write down what a person saw."""
    return _act(services, session, "comment", alert_id, lambda c, by: actions.comment(c, alert_id, by, body.text))


@router.post("/{alert_id}/reset", responses=declared(401, 403, 404, 409, 422, 503))
def reset(alert_id: str, session: Annotated[Session, Depends(require("alerts.reset"))], services: Parts) -> AlertView:
    """Reset a latched alarm here and at its agent; it clears once its point is normal."""
    view = _act(services, session, "reset", alert_id, lambda c, by: actions.reset(c, alert_id, by))
    services.command(view.site, view.agent, Reset(point=view.point, by=session.user))
    return view


@router.post("/{alert_id}/confirm", responses=declared(401, 403, 404, 409, 422, 503))
def confirm(alert_id: str, session: Annotated[Session, Depends(require("alerts.ack"))], services: Parts) -> AlertView:
    """See with one's own eyes the fire that is only suspected: the advisory becomes a critical alarm."""
    return _act(services, session, "confirm", alert_id, lambda c, by: actions.confirm(c, alert_id, by))


@router.post("/{alert_id}/shelve", responses=declared(401, 403, 404, 409, 422, 503))
def shelve(
    alert_id: str, body: Shelve, session: Annotated[Session, Depends(require("alerts.shelve"))], services: Parts
) -> AlertView:
    """Put an alert aside for a time; never fire, gas, CO or one-key alarms."""
    return _act(
        services,
        session,
        "shelve",
        alert_id,
        lambda c, by: actions.shelve(c, alert_id, by, body.minutes, body.reason, services.steady()),
    )


@router.post("/{alert_id}/unshelve", responses=declared(401, 403, 404, 422, 503))
def unshelve(
    alert_id: str, session: Annotated[Session, Depends(require("alerts.shelve"))], services: Parts
) -> AlertView:
    """Take an alert off the shelf before its time."""
    return _act(services, session, "unshelve", alert_id, lambda c, by: actions.unshelve(c, alert_id, by))


def _act(
    services: Services, session: Session, name: str, alert_id: str, action: Callable[[Connection, By], Alert]
) -> AlertView:
    by = By(session.user, services.now(), services.alert_hook)

    def work(connection: Connection) -> Alert:
        _own(session, load(connection, alert_id))
        note(connection, by.at, session.user, f"alert {name}", alert_id)
        return action(connection, by)

    return AlertView.model_validate(services.writer.write(work))


def _own(session: Session, alert: Alert) -> Alert:
    if not session.reach.sees(alert.site):
        raise UnknownError(f"alert {alert.id}: there is none with this id")  # in the writer's thread too
    return alert
