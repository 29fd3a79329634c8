"""Ids the server makes itself."""

from __future__ import annotations

import uuid_utils


def fresh_id() -> str:
    """Return a UUIDv7: unique, and in the order of making."""
    return str(uuid_utils.uuid7())
