"""Wait for something that another thread or process does, with a limit no slow machine reaches."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_PAUSE_S = 0.02


def until(claim: Callable[[], T], what: str = "", within_s: float = 60.0) -> T:
    """Wait until a claim holds, and return what it gave."""
    deadline = time.monotonic() + within_s
    while not (got := claim()):
        assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {what or claim}"
        time.sleep(_PAUSE_S)
    return got
