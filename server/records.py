"""A copy of a frozen record with some fields changed: `dataclasses.replace` for records of fifty fields, in batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

Record = TypeVar("Record")


def altered(record: Record, **values: Any) -> Record:
    """Return the record with these fields changed."""
    kind = type(record)
    get, places = _shape(kind)
    whole = list(get(record))
    for name, value in values.items():
        whole[places[name]] = value
    return kind(*whole)


@cache
def _shape(kind: type[Any]) -> tuple[Callable[[Any], tuple[Any, ...]], Mapping[str, int]]:
    names = [f.name for f in fields(kind) if f.init]
    return attrgetter(*names), {name: place for place, name in enumerate(names)}
