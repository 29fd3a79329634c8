"""What a camera's process tells the agent: findings, counts, signs of life, stills where asked for. JSON lines."""

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
    width: int = 0  # of the picture that lines and zones were drawn on; 0 while there was none
    height: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """A number of a point: people a minute across a line, pictures a second of the camera."""

    point: str
    value: float
    at: float  # monotonic seconds
    low: float | None = None
    high: float | None = None
    quality: float | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """What the agent's log should say, once."""

    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A still that was asked for; JPEG in base64."""

    id: str
    jpeg: str
    width: int  # of the picture that coordinates are of
    height: int


@dataclass(frozen=True, slots=True)
class AlarmStill:
    """What was seen when an alarm began, with nobody to be known in it; JPEG in base64. It follows its event."""

    camera: str
    point: str
    kind: str
    at: float  # monotonic seconds
    jpeg: str
    width: int  # of the still
    height: int


@dataclass(frozen=True, slots=True)
class Applied:
    """New lines and zones are watched from now on."""

    id: str


Words = Crossing | Event | Beat | Measured | Note | Picture | AlarmStill | Applied


def write(words: Words) -> str:
    """Return one line of JSON."""
    match words:
        case Crossing():
            kind = "crossing"
        case Event():
            kind = "event"
        case Beat():
            kind = "beat"
        case Measured():
            kind = "measured"
        case Note():
            kind = "note"
        case Picture():
            kind = "picture"
        case AlarmStill():
            kind = "alarm-still"
        case Applied():
            kind = "applied"
        case _:
            assert_never(words)
    return json.dumps({"is": kind, **asdict(words)}, ensure_ascii=False)


_PLAIN: dict[str, type[Beat | Measured | Note | Picture | AlarmStill | Applied]] = {
    "beat": Beat,
    "measured": Measured,
    "note": Note,
    "picture": Picture,
    "alarm-still": AlarmStill,
    "applied": Applied,
}


def read(line: str) -> Words:
    """Return what one line says; raise ValueError when it is not one of ours."""
    try:
        fields: dict[str, Any] = json.loads(line)
        match fields.pop("is"):
            case "crossing":
                return Crossing(direction=Direction(fields.pop("direction")), **fields)
            case "event":
                return Event(severity=Severity(fields.pop("severity")), **fields)
            case kind:
                return _PLAIN[kind](**fields)
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as e:
        raise ValueError(f"not a word of a camera: {e!r}") from e
