"""Where a mistake is, in a technician's words: bus "实验楼 485", point "lab-heat", register."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast, runtime_checkable

from pydantic import BaseModel

NAMES = ("name", "id", "profile")


@runtime_checkable
class SpelledOut(Protocol):
    """A section whose short form stands for a longer one: `device` for the points of a bus."""

    @classmethod
    def spelled_out(cls, data: Any) -> Any:
        """Return the long form; raise ValueError where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a configuration, and what could stand there."""

    text: str
    dotted: str  # without numbers and names: "bus.point"
    known: frozenset[str] = frozenset()  # the keys of the section around it
    tags: tuple[str, ...] = ()  # what its `type` may be
    table: str = ""  # the place, where sections belong there


def place_of(loc: Sequence[str | int], model: type[BaseModel] | None, given: object) -> Place:
    """Find the place of an error's location; without a model it is the keys with dots between."""
    if model is None:
        return Place(".".join(str(part) for part in loc) or "(file)", "")
    sections: list[type[BaseModel]] = [model]
    around, here, words, keys, several = model, given, list[str](), list[str](), False
    for part in loc:
        if isinstance(part, int):
            here = _at(here, part)
            words[-1:] = [f"{words[-1]} {_name(here, part)}" if words else str(part)]
            continue
        tagged = [one for one in sections if part in _tags(one)] if len(sections) > 1 else []
        if tagged:
            sections = tagged[:1]
        else:
            around = sections[0] if sections else around
            here = _at(_long(around, here), part)
            words.append(part)
            keys.append(part)
            sections, several = _inside(around, part)
    last = sections if several else []
    return Place(
        ", ".join(words),
        ".".join(keys),
        frozenset(_keys(around)),
        tuple(tag for one in sections for tag in _tags(one)),
        ".".join(keys) if last else "",
    )


def _at(here: object, part: str | int) -> object:
    if isinstance(here, Mapping):
        return cast("Mapping[object, object]", here).get(part)
    if isinstance(here, (list, tuple)) and isinstance(part, int):
        several = cast("Sequence[object]", here)
        return several[part] if part < len(several) else None
    return None


def _name(here: object, place: int) -> str:
    """Name a section by what it is called, else by its place as people count."""
    names = [_at(here, key) for key in NAMES]
    return next((f'"{name}"' for name in names if isinstance(name, str) and name), str(place + 1))


def _long(section: type[BaseModel], here: object) -> object:
    if not issubclass(section, SpelledOut):
        return here
    try:
        return section.spelled_out(here)
    except ValueError:
        return here


def _keys(section: type[BaseModel]) -> Iterator[str]:
    for name, field in section.model_fields.items():
        yield field.alias or name
    yield from getattr(section, "short", ())


def _inside(section: type[BaseModel], key: str) -> tuple[list[type[BaseModel]], bool]:
    """Return what sections may stand under a key, and whether there may be several of them."""
    for name, field in section.model_fields.items():
        if key in (name, field.alias):
            kind = field.annotation
            return list(_sections(kind)), typing.get_origin(kind) in (tuple, list)
    return [], False


def _sections(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for inner in typing.get_args(kind):
        yield from _sections(inner)


def _tags(section: type[BaseModel]) -> Iterator[str]:
    """Return the words by which a section is told from others: its `type` or `kind`."""
    for name in ("type", "kind"):
        field = section.model_fields.get(name)
        if field is not None and typing.get_origin(field.annotation) is Literal:
            yield from typing.get_args(field.annotation)
