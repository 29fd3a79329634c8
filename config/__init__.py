"""All an operator can set, as frozen sections loaded from TOML; every mistake is one clear line."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from config.toml_mistakes import explain
from config.wording import MistakesError, meant, mistakes

__all__ = ["ConfigError", "MistakesError", "Section", "load", "meant", "mistakes", "read"]


class ConfigError(ValueError):
    """A configuration that cannot be used; the text has one line per mistake."""


class Section(BaseModel):
    """A part of a configuration: frozen, strict about unknown keys; `nan` and `inf`, which TOML has, are no numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


AnySection = TypeVar("AnySection", bound=Section)


def load(path: Path, model: type[AnySection]) -> AnySection:
    """Read one TOML file into its model; raise ConfigError that names the file, the key and what to do."""
    try:
        content = path.read_bytes()
    except OSError as e:
        raise ConfigError(f"{path}: cannot be read: {e.strerror}") from e
    return read(content, model, str(path))


def read(content: bytes, model: type[AnySection], name: str) -> AnySection:
    """Read a TOML file's bytes into a model; `name` stands at the beginning of each line of a ConfigError."""
    try:
        text = content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as e:
        raise ConfigError(f"{name}: is not UTF-8 text (byte {e.start}): save it as UTF-8") from e
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise ConfigError(f"{name}: is not TOML: {explain(str(e), text)}") from e
    except RecursionError as e:
        raise ConfigError(f"{name}: is not TOML we read: it is nested too deeply") from e
    try:
        return model.model_validate(given)
    except ValidationError as e:
        raise ConfigError("\n".join(f"{name}: {line}" for line in mistakes(e, model, given))) from e
