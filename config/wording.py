"""Mistakes in words: what a validation found, as lines that name the thing and say what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from config.paths import Place, place_of
from config.secrets import redacted

MUST_BE = {
    "int": "must be a whole number",
    "float": "must be a number",
    "finite": "must be a number",
    "string": 'must be text in quotes ("…")',
    "path": 'must be a file\'s path in quotes ("…")',
    "bool": "must be true or false",
    "tuple": "must be a list [ … ]",
    "list": "must be a list [ … ]",
    "dict": "must be a section { … }",
    "model": "must be a section { … }",
    "date": "must be a day like 2026-09-01",
    "datetime": "must be a time like 2026-09-01T08:00:00",
}
PATTERNS = {
    "a-z0-9-": "may hold a-z, 0-9 and - only, 40 of them at most",
    "{64}": "must be 64 digits and letters a-f",
    ":[0-5]": 'must be hours like "22:00-06:00"',
}
"""What a pattern is for, by a part of it."""
BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}
MANY = 24


class MistakesError(ValueError):
    """Several mistakes in one part of a configuration, each a line."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = tuple(lines)


def mistakes(error: ValidationError, model: type[BaseModel] | None = None, given: object = None) -> list[str]:
    """One line per mistake: where, then what is wrong; sections go by their names where what was given is known."""
    items = [cast("Mapping[str, Any]", item) for item in error.errors(include_url=False)]
    wrong = {tuple(item["loc"]) for item in items}
    unknown = [tuple(item["loc"]) for item in items if item["type"] == "extra_forbidden"]
    lines: list[str] = []
    for item in items:
        loc = tuple(item["loc"])
        if loc and loc[-1] == "rule" and (*loc[:-1], "kind") in wrong:
            continue  # the rule goes by the point's kind: one mistake, one line
        if item["type"] == "missing" and model and _explained(loc, unknown):
            continue
        place = place_of(loc, model, given)
        misplaced = model is not None and item["type"] == "extra_forbidden" and loc[-1:] in wrong and len(loc) > 1
        found = ["does not belong here: put it above the first [section]"] if misplaced else _lines(item, place)
        lines += [f"{place.text}: {line}" if place.text else line for line in found]
    return lines


def _explained(missing: tuple[str | int, ...], unknown: Iterable[tuple[str | int, ...]]) -> bool:
    """Whether a key that is missing is there: misspelt, or below a section's head where it does not belong."""
    for other in unknown:
        if len(missing) == 1 and other[-1] == missing[-1]:
            return True
        if other[:-1] == missing[:-1] and difflib.get_close_matches(str(other[-1]).lower(), [str(missing[-1])], 1, 0.6):
            return True
    return False


def meant(word: str, known: Iterable[str]) -> str:
    """Return 'did you mean …?' where a known word is close, else the known words."""
    words = sorted(set(known))
    close = difflib.get_close_matches(word.lower(), words, 1, 0.6)
    if close:
        return f"did you mean {close[0]}?"
    return f"there are {', '.join(words)}" if len(words) <= MANY else f"there are {', '.join(words[:MANY])}, …"


def _lines(item: Mapping[str, Any], place: Place) -> Sequence[str]:
    inner = item.get("ctx", {}).get("error")
    if isinstance(inner, MistakesError):
        return inner.lines
    return [_text(item["type"], item, place)]


def _text(kind: str, item: Mapping[str, Any], place: Place) -> str:  # noqa: C901, PLR0911 - one line a kind of mistake
    context: Mapping[str, Any] = item.get("ctx", {})
    given = redacted(repr(item.get("input")))  # first: cut in its middle an address is none any more
    key = str(item["loc"][-1]) if item["loc"] else ""
    match kind:
        case "extra_forbidden" if place.known:
            return f"unknown key: {meant(key, place.known)}"
        case "extra_forbidden":
            return "unknown key: check its spelling, or take it out"
        case "missing":
            return f"is missing: add {f'[[{place.table}]]' if place.table else f'{key} = …'}"
        case "union_tag_not_found":
            word = str(context["discriminator"]).strip("'")
            return f"{word} is missing: add {word} = … ({meant('', place.tags)})"
        case "union_tag_invalid":
            return f'{str(context["discriminator"]).strip(chr(39))} "{context["tag"]}" is not known: ' + meant(
                str(context["tag"]), re.findall(r"'([^']*)'", context["expected_tags"])
            )
        case "enum" | "literal_error":
            known = re.findall(r"'([^']*)'", context["expected"]) or [context["expected"]]
            return f"{given:.60} is not known: {meant(str(item['input']), known)}"
        case "string_pattern_mismatch" if found := [
            text for part, text in PATTERNS.items() if part in context["pattern"]
        ]:
            return f"{found[0]}, not {given:.60}"
        case "tuple_type" | "list_type" if isinstance(item["input"], dict):
            return f"write [[{place.dotted}]] in two brackets: there may be several"
        case "value_error":
            return redacted(str(context["error"]))
        case _ if kind in BOUNDS:
            word, bound = BOUNDS[kind]
            return f"must be {word} {context[bound]:g}, not {given:.60}"
        case _:
            must = MUST_BE.get(kind.partition("_")[0])
            return f"{must}, not {given:.60}" if must else f"{redacted(item['msg'])} (got {given:.80})"
