"""Who may give this machine a new version, and for how long it must run before it stays."""

from __future__ import annotations

from pydantic import Field

from config import Section


class UpdateSection(Section):
    """`[update]` of an agent or a server."""

    key: str = Field(default="", pattern="^([0-9a-f]{64})?$")
    """Public Ed25519 key of the releases, in hex; none: no update by command."""
    hold_s: float = Field(default=60.0, ge=1, le=3600)
    """A release that ends or hangs within this time is taken back."""
