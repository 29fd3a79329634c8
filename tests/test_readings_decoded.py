"""The fast way to decode a batch of readings takes exactly what the wire's own model takes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.messages import Reading, Readings
from server.ingest.decode import Arrival, Batch, Invalid, Measured, decode_readings

AT = "2026-09-01T06:00:00.250Z"
SOME: dict[str, Any] = {"point": "t-1", "value": 20.5, "at": AT}
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=70), st.just(AT))


def decoded(batch: Any) -> Batch | Invalid:
    arrival = Arrival("campus/1/no1/lab/readings", json.dumps(batch).encode(), datetime.now(UTC), 0.0)
    found = decode_readings(arrival)
    return found if isinstance(found, Invalid) else found[1]


def by_the_model(batch: Any) -> Readings | None:
    try:
        return Readings.model_validate_json(json.dumps(batch))
    except ValidationError:
        return None


def same(batch: Any) -> bool:
    model, fast = by_the_model(batch), decoded(batch)
    if model is None or isinstance(fast, Invalid):
        return model is None and isinstance(fast, Invalid)
    values = [(one.point, repr(one.value), one.at) for one in model.readings]
    return values == [(one["point"], repr(one["value"]), one["at"]) for one in fast["readings"]]


def test_both_know_the_same_fields() -> None:
    assert set(Measured.__annotations__) == set(Reading.model_fields)
    assert set(Batch.__annotations__) == set(Readings.model_fields)


@pytest.mark.parametrize("value", [20.5, 7, True, "open", "", None, 1e300, "x" * 10_000], ids=repr)
def test_every_kind_of_value_comes_out_the_same(value: Any) -> None:
    assert same({"boot_id": "b", "readings": [{**SOME, "value": value}], "of-a-newer-agent": 1})


@given(st.sampled_from([*Reading.model_fields, "unknown"]), SCALARS)
def test_a_wrong_field_of_a_reading_is_refused_by_both_or_neither(name: str, value: Any) -> None:
    assert same({"boot_id": "b", "readings": [SOME, {**SOME, name: value}]})


@given(st.sampled_from([*Readings.model_fields, "unknown"]), SCALARS)
def test_a_wrong_field_of_a_batch_is_refused_by_both_or_neither(name: str, value: Any) -> None:
    assert same({"boot_id": "b", "readings": [SOME], name: value})


@pytest.mark.parametrize("missing", [*SOME, "boot_id", "readings"])
def test_what_is_missing_is_refused_by_both(missing: str) -> None:
    whole: dict[str, Any] = {"boot_id": "b", "readings": [SOME]}
    assert by_the_model(whole) is not None
    less = {key: value for key, value in SOME.items() if key != missing}
    batch = {key: value for key, value in {**whole, "readings": [less]}.items() if key != missing}
    assert by_the_model(batch) is None
    assert isinstance(decoded(batch), Invalid)
