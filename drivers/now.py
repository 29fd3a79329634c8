"""The two clocks a sample carries."""

from __future__ import annotations

import time


def now() -> tuple[float, float]:
    """Return monotonic seconds and UTC seconds since 1970, taken together."""
    return time.monotonic(), time.time()
