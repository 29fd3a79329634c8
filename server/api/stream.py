"""The live stream for pages and other programs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import StreamingResponse

from server.accounts.sessions import Session
from server.accounts.web import Parts, require
from server.api.problems import Problem, declared
from server.live import Client

router = APIRouter(prefix="/api/v1", tags=["stream"])


@router.get(
    "/stream",
    response_class=StreamingResponse,
    responses={
        200: {"description": "Events `alert`, `hazard`, `agent` with their number; `points` and `tick` without",
              "content": {"text/event-stream": {"schema": {"type": "string"}}}},
        **declared(401, 403, 422),
    },
)  # fmt: skip
async def stream(
    session: Annotated[Session, Depends(require("stream.read"))],
    services: Parts,
    last_event_id: Annotated[str | None, Header(description="go on after this number")] = None,
    after: Annotated[int | None, Query(ge=0, description="the same, where a header cannot be set")] = None,
) -> StreamingResponse:
    """Follow what happens (Server-Sent Events): everything after a number, exactly once, then as it comes."""
    start = after
    if last_event_id:
        if not last_event_id.isascii() or not last_event_id.isdigit() or len(last_event_id) > 18:
            raise Problem(422, "Not understood", "Last-Event-ID: is not a number of this stream")
        start = int(last_event_id)
    client = Client(session.hash, session.reach)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(services.live.listen(client, start), media_type="text/event-stream", headers=headers)
