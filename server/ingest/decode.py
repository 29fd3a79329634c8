"""Bytes from the broker in, one of our messages or a reason why not out."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, NotRequired, assert_never

from pydantic import Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic asks for this one before Python 3.12

from config import mistakes
from contracts.messages import Birth, Crossing, Event, Heartbeat, Id, Message, State, Value
from contracts.topics import Kind, Topic, TopicError, parse
from contracts.vocabulary import Clock

LARGEST_SEQ = 2**63 - 1  # what a BIGINT holds
LARGEST_PAYLOAD = 256 * 1024

Taken = Birth | State | Event | Crossing | Heartbeat


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message as the broker gave it; `mono_s` is the server's own clock and orders time-outs."""

    topic: str
    payload: bytes
    received_at: datetime
    mono_s: float
    mid: int = 0
    qos: int = 0
    retained: bool = False  # the broker kept it: nobody says it now


@dataclass(frozen=True, slots=True)
class Decoded:
    """A message that is ours."""

    topic: Topic
    message: Taken


@dataclass(frozen=True, slots=True)
class Invalid:
    """A message that cannot be taken. With `epoch` and `seq` it can be answered, so that it is not sent for ever."""

    reason: str
    topic: Topic | None = None
    epoch: str | None = None
    seq: int | None = None


def decode(arrival: Arrival) -> Decoded | Invalid:
    """Take one arrival apart; never raises."""
    try:
        topic = parse(arrival.topic)
    except TopicError as e:
        return Invalid(f"topic {e}"[:300])
    if len(arrival.payload) > LARGEST_PAYLOAD:
        return Invalid(f"payload of {len(arrival.payload)} bytes: at most {LARGEST_PAYLOAD}", topic)
    model = _model(topic.kind)
    if model is None:
        return Invalid(f"{topic.kind} is not taken from an agent on this lane", topic)
    try:
        message = model.model_validate_json(arrival.payload)
    except ValidationError as e:
        return _invalid(arrival, topic, "; ".join(mistakes(e)))
    flaw = _flaw(message, arrival.payload)
    return Decoded(topic, message) if flaw is None else _invalid(arrival, topic, flaw)


class Measured(TypedDict):
    """A reading of the wire as a plain dictionary: a model each would cost a busy server three times as much."""

    point: Id
    value: Value
    at: datetime
    mono_s: NotRequired[float]
    low: NotRequired[float | None]
    high: NotRequired[float | None]
    quality: NotRequired[float | None]


class Batch(TypedDict):
    """What `Readings` takes, and no other; a test holds them together."""

    boot_id: Annotated[str, Field(max_length=64)]
    clock: NotRequired[Clock]
    dropped: NotRequired[int]
    readings: list[Measured]


_BATCH = TypeAdapter(Batch)


def decode_readings(arrival: Arrival) -> tuple[Topic, Batch] | Invalid:
    """Take one batch of readings apart; never raises."""
    try:
        topic = parse(arrival.topic)
        if len(arrival.payload) > LARGEST_PAYLOAD:
            return Invalid(f"payload of {len(arrival.payload)} bytes: at most {LARGEST_PAYLOAD}", topic)
        return topic, _BATCH.validate_json(arrival.payload)
    except TopicError as e:
        return Invalid(f"topic {e}"[:300])
    except ValidationError as e:
        return Invalid("; ".join(mistakes(e))[:300])


def unstorable(arrival: Arrival, reason: str) -> Invalid:
    """Call an arrival invalid that decodes and yet does not go into the tables."""
    try:
        topic = parse(arrival.topic)
    except TopicError:
        return Invalid(reason)
    return _invalid(arrival, topic, reason)


def _model(kind: Kind) -> type[Taken] | None:
    match kind:
        case Kind.BIRTH:
            return Birth
        case Kind.STATE:
            return State
        case Kind.EVENTS:
            return Event
        case Kind.CROSSINGS:
            return Crossing
        case Kind.HEARTBEAT:
            return Heartbeat
        case Kind.READINGS | Kind.RECEIPT | Kind.COMMAND | Kind.ANSWER | Kind.STILLS:
            return None
        case _:
            assert_never(kind)


def _flaw(message: Message, payload: bytes) -> str | None:
    """Find what the types allow and a database does not hold."""
    match message:
        case Event() | Crossing():
            if message.seq > LARGEST_SEQ:
                return f"seq: {message.seq} is too large"
            if not math.isfinite(message.stamp.mono_s):
                return "stamp.mono_s: is not a finite number"
            if b"\\u0000" in payload and "\\u0000" in message.model_dump_json():  # JSON has no other way to write it
                return "a text holds a NUL character"
        case Heartbeat():
            if not math.isfinite(message.stamp.mono_s) or abs(message.last_seq) > LARGEST_SEQ:
                return "stamp.mono_s or last_seq: is out of range"
        case _:
            pass
    return None


def _invalid(arrival: Arrival, topic: Topic, reason: str) -> Invalid:
    epoch, seq = _identity(arrival.payload) if topic.kind in (Kind.EVENTS, Kind.CROSSINGS) else (None, None)
    return Invalid(reason.replace("\x00", "")[:300], topic, epoch, seq)


def _identity(payload: bytes) -> tuple[str | None, int | None]:
    try:
        data = json.loads(payload)
    except (ValueError, RecursionError):
        return None, None
    match data:
        case {"epoch": str(epoch), "seq": int(seq)} if 8 <= len(epoch) <= 64 and 1 <= seq <= LARGEST_SEQ:
            return epoch, seq
        case _:
            return None, None
