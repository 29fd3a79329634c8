"""What a camera's process tells the agent: findings and signs of life, one JSON object a line. No pictures."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, assert_never

from contracts.vocabulary import Direction, Severity
from detectors.findings import Crossing, Event, Finding


@dataclass(frozen=True, slots=True)
class Beat:
    """The process makes progress."""

    pictures: int  # that arrived
    skipped: int  # of them
    looked_at: int
    trouble: str  # why there is no picture; empty when there is


Words = Crossing | Event | Beat


def write(words: Words) -> str:
    """Return one line of JSON."""
    match words:
        case Crossing():
            kind = "crossing"
        case Event():
            kind = "event"
        case Beat():
            kind = "beat"
        case _:
            assert_never(words)
    return json.dumps({"is": kind, **asdict(words)}, ensure_ascii=False)


def read(line: str) -> Finding | Beat:
    """Return what one line says; raise ValueError when it is not one of ours."""
    try:
        fields: dict[str, Any] = json.loads(line)
        match fields.pop("is"):
            case "crossing":
                return Crossing(direction=Direction(fields.pop("direction")), **fields)
            case "event":
                return Event(severity=Severity(fields.pop("severity")), **fields)
            case "beat":
                return Beat(**fields)
            case other:
                raise ValueError(f"unknown kind {other!r}")
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as e:
        raise ValueError(f"not a word of a camera: {e!r}") from e
