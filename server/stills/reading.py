"""A still from the wire: the message, its agent, and a JPEG that is one by its bytes, or a reason why not."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from pydantic import ValidationError

from contracts.messages import AlarmStill
from contracts.topics import Topic, parse
from server.ingest.decode import Arrival
from server.stills.jpeg import size_of

MOST_BYTES = 60_000


class StillError(ValueError):
    """Why a still is not taken, in a few words."""


@dataclass(frozen=True, slots=True)
class Read:
    """A still that may be kept if its event is known."""

    topic: Topic
    message: AlarmStill
    jpeg: bytes


def read_still(arrival: Arrival) -> Read:
    """Take one arrival apart; raise StillError for what is no still."""
    if arrival.retained:
        raise StillError("the broker kept it: nobody sends it now")
    try:
        topic = parse(arrival.topic)
        message = AlarmStill.model_validate_json(arrival.payload)
        jpeg = base64.b64decode(message.image, validate=True)
        size = size_of(jpeg)
    except ValidationError as e:
        wrong = {str(part) for one in e.errors(include_input=False) for part in one["loc"][:1]}
        raise StillError(f"no message of this kind: {', '.join(sorted(wrong)) or 'no JSON'}"[:300]) from None
        # nothing of the picture may be said: what is refused is kept nowhere, in no log either
    except ValueError as e:  # a topic, base64 or JPEG that is none
        raise StillError(f"the picture or its topic: {e}"[:300]) from e
    if len(jpeg) > MOST_BYTES:
        raise StillError(f"a picture of {len(jpeg)} bytes: at most {MOST_BYTES}")
    if (size.width, size.height) != (message.width, message.height):
        raise StillError(f"the picture is {size.width}x{size.height}, said was {message.width}x{message.height}")
    return Read(topic, message, jpeg)
