"""What has no rows to show yet: duties answer an empty list until their room is wired."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from server.accounts.sessions import Session
from server.accounts.web import require
from server.api.problems import declared

router = APIRouter(prefix="/api/v1", tags=["later"])


@router.get("/duties", responses=declared(401, 403))
def duties(_session: Annotated[Session, Depends(require("duties.read"))]) -> list[dict[str, Any]]:
    """List duties: none yet."""
    return []
