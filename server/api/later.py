"""What has no rows to show yet: drills and duties answer an empty list until their rooms are wired."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from server.accounts.sessions import Session
from server.accounts.web import require
from server.api.problems import declared

router = APIRouter(prefix="/api/v1", tags=["later"])


@router.get("/drills", responses=declared(401, 403))
def drills(_session: Annotated[Session, Depends(require("drills.read"))]) -> list[dict[str, Any]]:
    """List drills: none yet."""
    return []


@router.get("/duties", responses=declared(401, 403))
def duties(_session: Annotated[Session, Depends(require("duties.read"))]) -> list[dict[str, Any]]:
    """List duties: none yet."""
    return []
