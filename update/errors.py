"""What an update is refused for."""

from __future__ import annotations


class UpdateError(ValueError):
    """One line that names the file or the unit, and says what to do. What ran before still runs."""
