"""Lines of text into keys and what they say: JSON, key=value, a pattern, NMEA-like sentences."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, assert_never

Format = Literal["json", "key-value", "pattern", "nmea"]
_PAIR = re.compile(r"([A-Za-z_][\w.\-]*)\s*[=:]\s*([^\s,;&|]+)")


@dataclass(frozen=True, slots=True)
class Fields:
    """What a line said, by key."""

    by_key: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that is not of the format, and why: 'garbage' or 'checksum'."""

    reason: Literal["garbage", "checksum"]


def read_line(line: bytes, form: Format, pattern: re.Pattern[str] | None = None) -> Fields | Unreadable:
    """Take one line apart. Never raises."""
    try:
        text = line.decode("utf-8").strip()
    except UnicodeDecodeError:
        return Unreadable("garbage")
    match form:
        case "json":
            return _json(text)
        case "key-value":
            pairs: dict[str, object] = dict(_PAIR.findall(text))
            return Fields(pairs) if pairs else Unreadable("garbage")
        case "pattern":
            found = pattern.search(text) if pattern else None
            return Fields(found.groupdict()) if found else Unreadable("garbage")
        case "nmea":
            return _nmea(text)
        case _:
            assert_never(form)


def lookup(fields: Fields, key: str) -> object:
    """Follow a dotted key ('door.0.open') into nested objects and lists; None where it leads nowhere."""
    if key in fields.by_key:
        return fields.by_key[key]
    here: object = dict(fields.by_key)
    for step in key.split("."):
        if isinstance(here, dict):
            here = here.get(step)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        elif isinstance(here, list) and step.isdigit() and int(step) < len(here):  # pyright: ignore[reportUnknownArgumentType]
            here = here[int(step)]  # pyright: ignore[reportUnknownVariableType]
        else:
            return None
    return here  # pyright: ignore[reportUnknownVariableType]


def _json(text: str) -> Fields | Unreadable:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return Unreadable("garbage")
    return Fields(said) if isinstance(said, dict) else Unreadable("garbage")  # pyright: ignore[reportUnknownArgumentType]


def _nmea(text: str) -> Fields | Unreadable:
    """Take `$NAME,a,b*hh` apart: keys are 'NAME.1', 'NAME.2', …; hh is the XOR of what stands between $ and *."""
    body, star, checksum = text.removeprefix("$").partition("*")
    if not text.startswith("$") or not body:
        return Unreadable("garbage")
    if star:
        total = 0
        for byte in body.encode():
            total ^= byte
        if checksum.strip().upper() != f"{total:02X}":
            return Unreadable("checksum")
    name, *values = body.split(",")
    return Fields({f"{name}.{i}": value for i, value in enumerate(values, 1)})
