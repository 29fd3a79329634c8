"""The published wire document is the one the models give."""

from __future__ import annotations

from pathlib import Path

import yaml

from contracts.asyncapi import CHANNELS, document
from contracts.topics import Kind

FILE = Path(__file__).parent.parent / "docs" / "asyncapi.yaml"


def test_the_published_document_is_what_the_models_say() -> None:
    published = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    assert published == yaml.safe_load(yaml.safe_dump(document())), "run: make docs"


def test_every_kind_of_topic_has_its_message() -> None:
    assert set(CHANNELS) == set(Kind)
