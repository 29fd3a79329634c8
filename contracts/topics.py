"""MQTT topics: `campus/1/{site}/{agent}/{kind}`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

ROOT = "campus/1"
ID_PATTERN = r"^[a-z0-9-]{1,40}$"
_ID = re.compile(ID_PATTERN)


class TopicError(ValueError):
    """A topic that is not one of ours."""


class Kind(StrEnum):
    """The last level of a topic. `receipt` and `command` go to the agent, the others to the server."""

    BIRTH = "birth"
    STATE = "state"
    READINGS = "readings"
    EVENTS = "events"
    CROSSINGS = "crossings"
    HEARTBEAT = "heartbeat"
    ANSWER = "answer"
    STILLS = "stills"
    RECEIPT = "receipt"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic, taken apart."""

    site: str
    agent: str
    kind: Kind

    def __post_init__(self) -> None:
        for level in (self.site, self.agent):
            if not _ID.fullmatch(level):
                raise TopicError(f"{level!r}: an id is 1 to 40 of a-z, 0-9 and '-'")

    def __str__(self) -> str:
        return f"{ROOT}/{self.site}/{self.agent}/{self.kind}"


def parse(topic: str) -> Topic:
    """Take a topic apart; raise TopicError for one that is not ours."""
    levels = topic.split("/")
    if len(levels) != 5 or "/".join(levels[:2]) != ROOT:
        raise TopicError(f"{topic!r}: not {ROOT}/SITE/AGENT/KIND")
    try:
        kind = Kind(levels[4])
    except ValueError:
        raise TopicError(f"{topic!r}: unknown kind {levels[4]!r}") from None
    return Topic(levels[2], levels[3], kind)
