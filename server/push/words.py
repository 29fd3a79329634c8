"""A change of the feed as one line for a phone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from config.push import PushSection
from server.pages.catalogue import Catalogue

MOST_LINES, MOST_IN_SMS = 10, 3


def line(target: PushSection, alert: Mapping[str, Any], texts: Catalogue, school: str, zone: tzinfo) -> str:
    """Word one alert as the target's template says."""
    began = datetime.fromisoformat(alert["began_at"]).astimezone(zone)
    place, name = str(alert["place"]), str(alert["name"])
    where = name if not place or name.startswith(place) else f"{place} {name}"
    drill = texts.text("drill.tag") if alert["drill"] else ""
    simulated = texts.text("simulated.tag") if alert["simulated"] else ""
    told = target.template.format(
        severity=_word(texts, "severity", str(alert["severity"])),
        what=_word(texts, "kind", str(alert["kind"])),
        where=where,
        time=f"{began:%m-%d %H:%M}",
        school=school,
        point=alert["point"],
    )
    return "".join(f"[{tag}]" for tag in (simulated, drill) if tag) + told


def together(lines: list[str], texts: Catalogue, left_out: int, most: int = MOST_LINES) -> str:
    """Put what waits into one message, for services refuse many in a minute."""
    shown = lines[:most]
    if len(lines) > most:
        shown.append(texts.text("push.more", n=len(lines) - most))
    if left_out:
        shown.append(texts.text("push.left-out", n=left_out))
    return "\n".join(shown)


def _word(texts: Catalogue, group: str, name: str) -> str:
    return texts.texts.get(f"{group}.{name}") or texts.texts.get(f"{group}.unknown") or name
