"""What can go wrong on the way out."""

from __future__ import annotations

from server.errors import ServerError


class PushError(ServerError):
    """A message did not go out; the text says why and holds no secret."""
