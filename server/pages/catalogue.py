"""Texts for people, by language: one JSON file each, one flat key per text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "catalogues"
LANGUAGES = ("zh-CN", "en")
FIRST = LANGUAGES[0]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The texts of one language; placeholders are written `{name}`."""

    language: str
    texts: Mapping[str, str]

    def text(self, key: str, **values: object) -> str:
        """Return a text with its placeholders filled in; KeyError for a key that does not exist."""
        found = self.texts[key]
        for name, value in values.items():
            found = found.replace("{" + name + "}", str(value))
        return found


def read(language: str) -> Catalogue:
    """Read one language's texts from disk."""
    texts: dict[str, str] = {}
    for file in (FOLDER / f"{language}.json", *sorted(FOLDER.glob(f"*.{language}.json"))):  # a room may have its own
        texts |= json.loads(file.read_text(encoding="utf-8"))
    return Catalogue(language, texts)


def read_all() -> dict[str, Catalogue]:
    """Read every language; Chinese is the first."""
    return {language: read(language) for language in LANGUAGES}


def choose(asked: str | None, remembered: str | None) -> str:
    """Choose by what the address asks, then the cookie; Chinese otherwise, whatever the browser was sold with."""
    return next((wish for wish in (asked, remembered) if wish in LANGUAGES), FIRST)
