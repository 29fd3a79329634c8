"""Describe the wire as an AsyncAPI 3 document, from the message models themselves."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic.json_schema import models_json_schema

from contracts import messages
from contracts.topics import ROOT, Kind
from contracts.vocabulary import Hazard, SensorKind

VERSION = "1.0.0"

CHANNELS: dict[Kind, tuple[type[messages.Message], str]] = {
    Kind.BIRTH: (messages.Birth, "All that an agent watches. Retained, QoS 1."),
    Kind.STATE: (messages.State, "Online, stopping or offline; also the last will. Retained, QoS 1."),
    Kind.READINGS: (messages.Readings, "A batch of values from the memory lane. QoS 0 or 1; may be thinned."),
    Kind.EVENTS: (messages.Event, "A hazard or a fault began or ended. Durable, QoS 1, never retained."),
    Kind.CROSSINGS: (messages.Crossing, "People crossed a line. Durable, QoS 1, never retained."),
    Kind.HEARTBEAT: (messages.Heartbeat, "The agent's own health, answered by a receipt. QoS 0."),
    Kind.ANSWER: (messages.Answer, "What came of a command; may hold one still. QoS 1, never retained."),
    Kind.STILLS: (messages.AlarmStill, "What a camera saw when an alarm began; off unless asked for. QoS 0."),
    Kind.RECEIPT: (messages.Receipt, "What the ledger has committed; answers heartbeats. QoS 0, repeated until heard."),
    Kind.COMMAND: (messages.CommandMessage, "What the server asks of the agent. QoS 1, never retained."),
}
TO_AGENT = frozenset({Kind.RECEIPT, Kind.COMMAND})
RULES = """\
What an agent of any make keeps to. MQTT 3.1.1; `campus-server enroll SITE/AGENT` lets it in (docs/server.md).
1. Connect with `state` offline as the retained last will, subscribe to `receipt` and `command` at QoS 0, then publish
   `birth` and `state` online.
2. Events and crossings share one count: `seq` begins at 1 and has no gap within one `epoch`, an id that is made with
   the agent's store.
3. Keep each of them until a receipt names its `seq`, and send it again until then. One that a receipt rejects has been
   taken from you too.
4. An event says what began or ended at a point of the birth message: only changes. What a detector cannot see is an
   event of kind `fault`.
5. Send a heartbeat about every 5 s: after 15 s without one the agent is shown as silent. `last_seq` shows holes.
6. Ignore fields and commands you do not know. Leave out what you do not have: what is not `required` has a default.
"""
WORDS: dict[tuple[str, str], tuple[type[StrEnum], str]] = {
    ("Event", "kind"): (Hazard, "What is wrong. A word of your own is shown as it is, without advice."),
    ("Zone", "kind"): (Hazard, "What somebody in the zone is."),
    ("Point", "kind"): (SensorKind, "What the point measures. A word of your own is shown as it is."),
}
"""Fields that are plain strings on the wire, for it grows, and the words that are known now."""


def document() -> dict[str, Any]:
    """Build the AsyncAPI document; a test compares it with `docs/asyncapi.yaml`."""
    models = [(model, "validation") for model, _ in CHANNELS.values()]
    _, schema = models_json_schema(models, ref_template="#/components/schemas/{model}")  # pyright: ignore[reportArgumentType]
    for (name, field), (words, description) in WORDS.items():
        schema["$defs"][name]["properties"][field] |= {"description": description, "examples": [str(w) for w in words]}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Campuswatch wire", "version": VERSION, "description": RULES, "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {str(kind): _channel(kind) for kind in CHANNELS},
        "operations": {f"{'receive' if kind in TO_AGENT else 'send'}-{kind}": _operation(kind) for kind in CHANNELS},
        "components": {"schemas": schema["$defs"]},
    }  # fmt: skip


def _channel(kind: Kind) -> dict[str, Any]:
    model, description = CHANNELS[kind]
    return {
        "address": f"{ROOT}/{{site}}/{{agent}}/{kind}",
        "description": description,
        "parameters": {"site": {"description": "The school."}, "agent": {"description": "The device in it."}},
        "messages": {model.__name__: {"payload": {"$ref": f"#/components/schemas/{model.__name__}"}}},
    }


def _operation(kind: Kind) -> dict[str, Any]:
    action = "receive" if kind in TO_AGENT else "send"
    return {"action": action, "channel": {"$ref": f"#/channels/{kind}"}, "summary": CHANNELS[kind][1]}
