"""Armed hours, by the clock of the place."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def is_armed(hours: Sequence[str], utc: float) -> bool:
    """Whether the instant lies in one of the spans 'HH:MM-HH:MM' of local time; always, where there is none."""
    now = datetime.fromtimestamp(utc).astimezone().strftime("%H:%M")
    return not hours or any(_within(span, now) for span in hours)


def _within(span: str, now: str) -> bool:
    start, end = span.split("-")
    return start <= now < end if start <= end else now >= start or now < end
