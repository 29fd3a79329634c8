"""What a camera's process tells the agent: findings, signs of life, a still only when asked. JSON lines."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, assert_never

from contracts.vocabulary import Direction, Severity
from detectors.findings import Crossing, Event


@dataclass(frozen=True, slots=True)
class Beat:
    """The process makes progress."""

    pictures: int  # that arrived
    skipped: int  # of them
    looked_at: int
    trouble: str  # why there is no picture; empty when there is


@dataclass(frozen=True, slots=True)
class Picture:
    """A still that was asked for; JPEG in base64."""

    id: str
    jpeg: str
    width: int  # of the camera's own picture
    height: int


@dataclass(frozen=True, slots=True)
class Applied:
    """New lines and zones are watched from now on."""

    id: str


Words = Crossing | Event | Beat | Picture | Applied


def write(words: Words) -> str:
    """Return one line of JSON."""
    match words:
        case Crossing():
            kind = "crossing"
        case Event():
            kind = "event"
        case Beat():
            kind = "beat"
        case Picture():
            kind = "picture"
        case Applied():
            kind = "applied"
        case _:
            assert_never(words)
    return json.dumps({"is": kind, **asdict(words)}, ensure_ascii=False)


def read(line: str) -> Words:
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
            case "picture":
                return Picture(**fields)
            case "applied":
                return Applied(**fields)
            case other:
                raise ValueError(f"unknown kind {other!r}")
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as e:
        raise ValueError(f"not a word of a camera: {e!r}") from e
