"""Describe the wire as an AsyncAPI 3 document, from the message models themselves."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from contracts import messages
from contracts.topics import ROOT, Kind

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
    Kind.RECEIPT: (messages.Receipt, "What the ledger has committed; answers heartbeats. QoS 1."),
    Kind.COMMAND: (messages.CommandMessage, "What the server asks of the agent. QoS 1, never retained."),
}
TO_AGENT = frozenset({Kind.RECEIPT, Kind.COMMAND})


def document() -> dict[str, Any]:
    """Build the AsyncAPI document; a test compares it with `docs/asyncapi.yaml`."""
    models = [(model, "validation") for model, _ in CHANNELS.values()]
    _, schema = models_json_schema(models, ref_template="#/components/schemas/{model}")  # pyright: ignore[reportArgumentType]
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Campuswatch wire", "version": VERSION, "license": {"name": "Apache-2.0"}},
        "defaultContentType": "application/json",
        "channels": {str(kind): _channel(kind) for kind in CHANNELS},
        "operations": {f"{'receive' if kind in TO_AGENT else 'send'}-{kind}": _operation(kind) for kind in CHANNELS},
        "components": {"schemas": schema["$defs"]},
    }


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
