"""The time column of a recording: how it counts, told by its heading and its first cell."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime

FORMS = "seconds, seconds or milliseconds since 1970, or a date such as 2026-11-23T14:02:00Z or 2026/11/23 14:02"
Clock = Callable[[str], float]
"""A cell as seconds: since 1970 where it is a date. Raises ValueError."""

DATED_S = 1e8  # below it (1973) a number counts from a start of its own
_UNITS = {"ms": 1e-3, "msec": 1e-3, "milliseconds": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "min": 60.0} | {
    "minutes": 60.0, "h": 3600.0, "hours": 3600.0, "毫秒": 1e-3, "分钟": 60.0, "小时": 3600.0,
}  # fmt: skip
_LAST_WORD = re.compile(r"([^\W\d_]+)\W*$")
_SINCE_1970 = ((1e17, 1e-9), (1e14, 1e-6), (1e11, 1e-3))  # from a number on: the seconds of one
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T\s]+(\d{1,2}):(\d{1,2})(.*))?")
_COMPACT = re.compile(r"(?:19|20)\d{12}")


def clock_of(heading: str, first: str) -> Clock:
    """Return how a column counts; raise ValueError where its first cell is no time."""
    text = first.strip()
    if _COMPACT.fullmatch(text):
        return _compact
    try:
        number = _finite(text)
    except ValueError:
        _stamp(text)
        return _stamp
    word = _LAST_WORD.search(heading.lower())
    unit = _UNITS.get(word[1], 1.0) if word else 1.0
    if abs(number) * unit > 1e11:  # a heading `…_min` may yet count since 1970
        unit = 1.0
    if unit == 1.0:
        unit = next((size for least, size in _SINCE_1970 if abs(number) > least), 1.0)
    return lambda cell: _finite(cell) * unit


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is no time")
    return number


def _compact(text: str) -> float:
    return datetime.strptime(text.strip(), "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()


def _stamp(text: str) -> float:
    """Read a date; UTC where it names no zone."""
    text = text.strip()
    if found := _DATE.fullmatch(text):
        year, month, day, hour, minute, rest = found.groups(default="")
        clock = f"T{int(hour):02}:{int(minute):02}{_seconds(rest)}" if hour else ""
        text = f"{year}-{int(month):02}-{int(day):02}{clock}"
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _seconds(rest: str) -> str:
    """Write `:5.25` as `:05.250000`: other lengths of a fraction are more than datetime of every Python reads."""
    rest = re.sub(r"^:(\d)(?!\d)", r":0\1", rest.replace(" ", "").replace(",", "."))
    return re.sub(r"\.(\d+)", lambda found: f".{found[1][:6]:0<6}", rest)
