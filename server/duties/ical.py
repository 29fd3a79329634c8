"""Tasks as an iCalendar feed (RFC 5545), for the calendar on a phone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from server.duties.tasks import Standing, Task

MARKS = {Standing.MET: "●", Standing.OPEN: "○", Standing.WARNED: "○", Standing.MISSED: "×"}


def feed(found: Iterable[Task], now: datetime) -> bytes:
    """Return the feed: one whole-day event per task, on the last day of its period."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//campuswatch//duties//ZH", "X-WR-CALNAME:校园安全履职"]
    for task in found:
        day = task.slot.last
        name = task.bearer.name
        lines += [
            "BEGIN:VEVENT",
            f"UID:{task.duty.id}-{task.slot.key}-{task.bearer.site}-{task.bearer.id}@campuswatch",
            f"DTSTAMP:{now.astimezone(UTC):%Y%m%dT%H%M%SZ}",
            f"DTSTART;VALUE=DATE:{day:%Y%m%d}",
            f"DTEND;VALUE=DATE:{day + timedelta(days=1):%Y%m%d}",
            f"SUMMARY:{_escape(f'{MARKS[task.standing]} {task.duty.zh} · {name}')}",
            f"DESCRIPTION:{_escape(f'{task.amount:g} / {task.duty.target:g} {task.duty.unit}')}",
            "TRANSP:TRANSPARENT",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return b"".join(_folded(line) + b"\r\n" for line in lines)


def _escape(text: str) -> str:
    for sign in "\\;,":
        text = text.replace(sign, "\\" + sign)
    return text.replace("\r", "").replace("\n", "\\n")


def _folded(line: str) -> bytes:
    """Fold at 75 bytes without cutting a character in two."""
    parts: list[bytes] = [b""]
    for sign in line:
        piece = sign.encode()
        if len(parts[-1]) + len(piece) > (75 if len(parts) == 1 else 74):
            parts.append(b"")
        parts[-1] += piece
    return b"\r\n ".join(parts)
