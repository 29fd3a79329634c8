"""Messages of every released version are still understood: an old agent speaks to a new server, and the reverse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from contracts.asyncapi import CHANNELS
from contracts.topics import Kind

FOLDER = Path(__file__).parent / "fixtures" / "wire"
RECORDED = sorted(FOLDER.glob("*/*.json"))


def _said(value: Any, understood: Any) -> bool:
    """Whether all that the old message said is still there (numbers may be typed anew)."""
    if isinstance(value, dict) and isinstance(understood, dict):
        return all(_said(part, understood.get(key)) for key, part in value.items())
    if isinstance(value, list) and isinstance(understood, list):
        return len(value) == len(understood) and all(map(_said, value, understood))
    return value == understood


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_recorded_message_loses_nothing(file: Path) -> None:
    model, _ = CHANNELS[Kind(file.stem)]
    text = file.read_text(encoding="utf-8")
    understood = json.loads(model.model_validate_json(text).model_dump_json())
    assert _said(json.loads(text), understood)


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_message_of_a_later_version_with_more_fields_is_understood(file: Path) -> None:
    model, _ = CHANNELS[Kind(file.stem)]
    later = json.loads(file.read_text(encoding="utf-8")) | {"a_later_field": {"x": 1}}
    model.model_validate_json(json.dumps(later))


def test_every_kind_of_message_is_recorded() -> None:
    assert {file.stem for file in RECORDED} == {str(kind) for kind in Kind}
