"""A drill on paper: its curve as a picture, its record as a workbook."""

from __future__ import annotations

import time
from typing import Literal

from fastapi import APIRouter, Response

from server.accounts.audit import note
from server.accounts.web import Parts
from server.api.drill_access import Reader, conductor_of, own, result_of
from server.api.problems import declared
from server.drills import store
from server.drills.curve import BOARD, PAGE, Words, svg
from server.drills.results import Phase
from server.drills.view import record

router = APIRouter(prefix="/api/v1/drills", tags=["drills"])

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CURVE_WORDS = {
    "zh-CN": Words("疏散人数曲线", "目标", "合计", "人"),
    "en": Words("People out over time", "target", "all", "people"),
}


@router.get("/{drill_id}/curve.svg", responses=declared(401, 403, 404))
def curve(
    drill_id: str,
    session: Reader,
    services: Parts,
    lang: Literal["zh-CN", "en"] = "zh-CN",
    sheet: Literal["page", "board"] = "page",
) -> Response:
    """The curve of people out, as a picture; for the projector's board in large letters."""
    with services.database.read.connect() as connection:
        found = own(session, store.get(connection, drill_id))
        seen = result_of(services, connection, found)
    until = time.time() - seen.t0_s if seen.phase is Phase.EVACUATING and seen.t0_s is not None else None
    drawn = svg(seen, CURVE_WORDS[lang], until, BOARD if sheet == "board" else PAGE)
    return Response(drawn, media_type="image/svg+xml")


@router.get("/{drill_id}/record.xlsx", responses=declared(401, 403, 404))
def record_workbook(drill_id: str, session: Reader, services: Parts) -> Response:
    """The record as an Excel workbook."""
    from server.drills.workbook import workbook  # noqa: PLC0415 - slow to load, and rarely wanted

    with services.database.read.connect() as connection:
        found = own(session, store.get(connection, drill_id))
        school = conductor_of(services).schools.get(found.site)
        file = workbook(record(connection, found, result_of(services, connection, found), school))
    now = services.now()
    services.writer.write(lambda c: note(c, now, session.user, "drill export", found.id))
    headers = {"Content-Disposition": f'attachment; filename="drill-{found.id}.xlsx"'}
    return Response(file, media_type=XLSX, headers=headers)
