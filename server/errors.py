"""What can go wrong in the server, said in one line a person can act on."""

from __future__ import annotations


class ServerError(Exception):
    """The server cannot go on, or cannot do what was asked; the text is one clear line."""


class RefusedError(ServerError):
    """A request that is understood and not allowed now; the text says why."""


class UnknownError(ServerError, LookupError):
    """Nothing has that id."""
