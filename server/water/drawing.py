"""Lines and zones drawn on a camera's picture: checked, sent, confirmed by the camera, or taken back."""

from __future__ import annotations

import base64
import math
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from sqlalchemy import Connection, insert, update

from config.shapes import LineEnds, Polygon
from contracts.messages import Answer, Configure, Drawn, Id, Still
from server.accounts.audit import note
from server.changes import announce
from server.errors import RefusedError
from server.services import Services
from server.wall.pictures import look
from server.water.tables import drawings

_LINE, _POLYGON = TypeAdapter[Any](LineEnds), TypeAdapter[Any](Polygon)
MOST_NUMBERS = 80


class Shapes(BaseModel):
    """Lines and zones by id, in pixels of the camera's own picture."""

    lines: dict[Id, tuple[float, float, float, float]] = Field(default={}, max_length=20)
    zones: dict[Id, Annotated[tuple[float, ...], Field(max_length=MOST_NUMBERS)]] = Field(default={}, max_length=20)
    drawn: tuple[Drawn, ...] | None = Field(default=None, max_length=40)
    """Those that were drawn here and that the agent's file does not name; null: as they are."""


@dataclass(frozen=True, slots=True)
class At:
    """One camera, and who draws."""

    site: str
    agent: str
    camera: str
    by: str

    def __str__(self) -> str:
        return f"{self.site}/{self.agent}/{self.camera}"


def check(shapes: Shapes, width: int, height: int) -> None:
    """Refuse what no camera can watch, in a sentence for the person who drew it."""
    drawn = shapes.drawn or ()
    names, ids = [*shapes.lines, *shapes.zones], [one.id for one in drawn]
    if twice := sorted({id_ for given in (names, ids) for id_ in given if given.count(id_) > 1}):
        raise RefusedError(f"{twice[0]}：编号重复")
    for one in drawn:
        if one.id not in (shapes.lines if one.kind == "line" else shapes.zones):
            raise RefusedError(f"{one.name}：还没有画出来")
    for id_, given in (*shapes.lines.items(), *shapes.zones.items()):
        outside = any(not 0 <= x <= width for x in given[::2]) or any(not 0 <= y <= height for y in given[1::2])
        if outside:
            raise RefusedError(f"{id_}：有点在画面外")
        try:
            (_LINE if id_ in shapes.lines else _POLYGON).validate_python(given)
        except ValidationError as e:
            kind = "线的两端重合" if id_ in shapes.lines else "边线相交，或没有面积"
            raise RefusedError(f"{id_}：{kind}，请改好再下发") from e


def take_still(services: Services, at: At) -> Answer:
    """Ask a camera for one picture; nothing of it is kept here."""
    command = Still(id=str(uuid.uuid4()), camera=at.camera)
    services.writer.write(lambda c: note(c, services.now(), at.by, "camera still", str(at)))
    answer = _ask(services, at, command, services.asked.still_s)
    if answer is None:
        raise RefusedError("摄像机没有在几秒内给出画面：看看它的终端是否在线")
    if not answer.ok:
        raise RefusedError(f"没有画面：{answer.reason}")
    return answer


def shapes_in(answer: Answer) -> Shapes:
    """Return the shapes that came with a still; refuse an answer that no agent of ours would give."""
    try:
        look(base64.b64decode(answer.image, validate=True))
        shapes = Shapes(lines=answer.lines, zones=answer.zones, drawn=answer.drawn)
    except (ValueError, RefusedError) as e:
        raise RefusedError("摄像机的回答不是画面：看看它的终端") from e
    if not all(math.isfinite(x) for given in (*shapes.lines.values(), *shapes.zones.values()) for x in given):
        raise RefusedError("摄像机的回答里有无效的坐标：看看它的终端")
    return shapes


def send(services: Services, at: At, shapes: Shapes, before: Shapes) -> None:
    """Send a drawing and wait until the camera watches it; else send the shapes of before again."""
    command = _configure(at, shapes)
    kept = {**shapes.model_dump(mode="json"), "before": before.model_dump(mode="json")}
    services.writer.write(lambda c: _record(c, at, command.id, kept, services.now()))
    answer = _ask(services, at, command, services.asked.confirm_s)
    if answer is None:
        services.command(at.site, at.agent, _configure(at, before))
        state, reason = "rolled-back", f"{services.asked.confirm_s:g} 秒内没有确认，已退回原来的形状"
    else:
        state, reason = ("applied", "") if answer.ok else ("refused", answer.reason)
    services.writer.write(lambda c: _settle(c, at, command.id, state, reason, services.now()))
    if state != "applied":
        raise RefusedError(reason)


def _configure(at: At, shapes: Shapes) -> Configure:
    return Configure(id=str(uuid.uuid4()), camera=at.camera, lines=shapes.lines, zones=shapes.zones, drawn=shapes.drawn)


def _ask(services: Services, at: At, command: Still | Configure, within_s: float) -> Answer | None:
    key = (at.site, at.agent, command.id)
    waiting = services.asked.expect(key)
    if waiting is None:
        raise RefusedError("同时等待的请求太多，请稍后再试")
    try:
        if not services.command(at.site, at.agent, command):
            raise RefusedError("与消息服务器断开，现在不能下发")
        return waiting.result(within_s)
    except TimeoutError:
        return None
    finally:
        services.asked.forget(key)


def _record(connection: Connection, at: At, id_: str, shapes: dict[str, Any], now: datetime) -> None:
    row = {"id": id_, "site": at.site, "agent": at.agent, "camera": at.camera, "at": now, "by": at.by}
    connection.execute(insert(drawings).values(**row, state="sent", reason="", shapes=shapes))
    note(connection, now, at.by, "camera shapes", str(at), text=id_)


def _settle(connection: Connection, at: At, id_: str, state: str, reason: str, now: datetime) -> None:
    connection.execute(update(drawings).where(drawings.c.id == id_).values(state=state, reason=reason))
    announce(connection, now, "camera", at.site, {"agent": at.agent, "camera": at.camera, "state": state})
