"""The published wire document is the one the models give."""

from __future__ import annotations

from pathlib import Path

import yaml

from contracts.asyncapi import CHANNELS, TO_AGENT, document
from contracts.topics import Kind
from server.broker_users import permissions

FILE = Path(__file__).parent.parent / "docs" / "asyncapi.yaml"


def test_the_published_document_is_what_the_models_say() -> None:
    published = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    assert published == yaml.safe_load(yaml.safe_dump(document())), "run: make docs"


def test_every_kind_of_topic_has_its_message() -> None:
    assert set(CHANNELS) == set(Kind)


def test_each_broker_lets_an_agent_send_and_hear_every_kind_and_no_other() -> None:
    acl = (FILE.parent.parent / "config" / "mosquitto.example.acl").read_text(encoding="utf-8").splitlines()
    up, down = {str(kind) for kind in set(Kind) - TO_AGENT}, {str(kind) for kind in TO_AGENT}
    for verb, kinds in (("write", up), ("read", down)):
        assert {line.rpartition("/")[2] for line in acl if line.startswith(f"pattern {verb} campus/1/%u/")} == kinds
    embedded = permissions("s1.pi")
    assert embedded is not None
    publish = embedded["publish"]
    assert isinstance(publish, dict)
    assert {str(one).rpartition(".")[2] for one in publish["allow"]} == up
